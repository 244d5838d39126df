/**
 * Copies of a kind, counted for all Replications at once.
 *
 * @module
 */
import assert from "node:assert/strict";
import { CopyCounts } from "../../reconciler/copy_counts.ts";
import { HandClock } from "../../reconciler/testing.ts";
import { type ApiProxy, failing, type Fault, startApiProxy } from "../faults/api_proxy.ts";
import { startCluster } from "../rig/cluster.ts";
import { CONFIG_MAPS, configMap, connect, namespace, NAMESPACES } from "./webhook_scene.ts";

const EVERYWHERE = "/api/v1/configmaps";
const A = { destinationNamespace: "a", replicationId: "aaaaaaaaaaaa" };
const B = { destinationNamespace: "b", replicationId: "bbbbbbbbbbbb" };

Deno.test("copies are counted for all Replications at once", async (t) => {
  await using cluster = await startCluster({ name: "counts" });
  await using proxy = startApiProxy(cluster);
  const [direct, client] = [connect(cluster.kubeconfig), connect(proxy.kubeconfig(cluster.kubeconfig))];
  using _ends = { [Symbol.dispose]: () => [direct, client].forEach((one) => one.close()) };
  const { signal } = new AbortController();
  const add = async ({ destinationNamespace, replicationId }: typeof A, name: string) => {
    const object = configMap(destinationNamespace, name);
    const labels = { "dr-syncer.io/managed-by": replicationId };
    await direct.create(CONFIG_MAPS, { ...object, metadata: { ...object.metadata, labels } });
  };
  for (const name of ["a", "b"]) await direct.create(NAMESPACES, namespace(name));
  await direct.create(CONFIG_MAPS, configMap("a", "not-ours"));
  for (const name of ["first", "second"]) await add(A, name);
  await add(B, "first");
  await add({ ...B, destinationNamespace: "a" }, "somebody-elses");
  const clock = new HandClock();
  const counts = new CopyCounts(client, clock);
  const count = (place: typeof A, sinceMs: number) => counts.count(CONFIG_MAPS, place, sinceMs, signal);
  const now = () => clock.monotonicMs();

  await t.step("who asks at the same time, or later, shares a list", async () => {
    using lists = watchLists(proxy);
    assert.deepEqual(await Promise.all([count(A, 0), count(B, 0)]), [2, 1]);
    clock.advance(1_000);
    assert.equal(await count({ ...A, replicationId: B.replicationId }, 0), 1);
    assert.equal(await count({ ...A, replicationId: "cccccccccccc" }, 0), 0);
    assert.deepEqual(lists.paths, [EVERYWHERE]);
  });
  await t.step("a count that is older than somebody wants is made anew", async () => {
    using lists = watchLists(proxy);
    await add(A, "third");
    assert.deepEqual([await count(A, 0), await count(A, now()), await count(B, now())], [2, 3, 1]);
    assert.deepEqual(lists.paths, [EVERYWHERE]);
  });
  await t.step("one that is under way is not enough for who wants a later one", async () => {
    const { promise: until, resolve: letGo } = Promise.withResolvers<void>();
    const { promise: isAsked, resolve: asked } = Promise.withResolvers<void>();
    using lists = watchLists(proxy, (path) => path === EVERYWHERE ? (asked(), { do: "hold", until }) : undefined);
    clock.advance(1_000);
    const early = count(A, now());
    await isAsked;
    clock.advance(1_000);
    const late = count(A, now());
    letGo();
    assert.deepEqual(await Promise.all([early, late]), [3, 3]);
    assert.deepEqual(lists.paths, [EVERYWHERE, EVERYWHERE]);
  });
  await t.step("where a list of everything is forbidden, each lists its own namespace", async () => {
    using lists = watchLists(proxy, (path) => path === EVERYWHERE ? failing(403, "Forbidden") : undefined);
    clock.advance(1_000);
    assert.deepEqual([await count(A, now()), await count(B, now()), await count(A, now())], [3, 1, 3]);
    const [a, b] = ["a", "b"].map((name) => `/api/v1/namespaces/${name}/configmaps`);
    assert.deepEqual(lists.paths, [EVERYWHERE, a, b, a]);
  });
  await t.step("a list that fails is nobody's count", async () => {
    using lists = watchLists(proxy, (path) => path === EVERYWHERE ? failing(500, "InternalError") : undefined);
    clock.advance(1_000);
    await assert.rejects(count(A, now()), { reason: "ServerError" });
    assert.deepEqual(lists.paths, [EVERYWHERE]);
  });
});

/** Paths of the lists that pass from now on, and what happens to them. */
function watchLists(proxy: ApiProxy, fault: (path: string) => Fault | undefined = () => undefined) {
  const paths: string[] = [];
  const end = proxy.inject(({ path }) => {
    paths.push(path);
    return fault(path);
  });
  return { paths, [Symbol.dispose]: end };
}
