import assert from "node:assert/strict";
import { createKubeClient, listAll } from "../../kube/client.ts";
import { isKubeError } from "../../kube/errors.ts";
import { createTransport } from "../../kube/transport.ts";
import type { KubeClient } from "../../kube/types.ts";
import { startCluster } from "../rig/cluster.ts";
import { waitFor } from "../wait.ts";
import { addressOf, failureOf } from "./connections.ts";
import { configMap, configMaps, deployment, deployments, namespaces } from "./objects.ts";

Deno.test("client against a real API server", async (t) => {
  await using cluster = await startCluster({ name: "client", extraApiServerArgs: ["--etcd-compaction-interval=3s"] });
  const client = createKubeClient(createTransport(addressOf(cluster)));
  await t.step("an object is created, read, replaced, patched and deleted", () => writesObjects(client));
  await t.step("server-side apply takes fields over, keeps to them, and yields without force", () => applies(client));
  await t.step("a dry run changes nothing", () => runsDry(client));
  await t.step("a subresource is written alone", () => writesSubresource(client));
  await t.step("a delete holds to its preconditions", () => deletesWithPreconditions(client));
  await t.step("a list gives named objects, by page, by label, by metadata", () => lists(client));
  await t.step("a whole list comes in pages of bounded size, in name order", () => listsAll(client));
  await t.step("a reference that is none never reaches a collection", () => refusesOddReferences(client));
  await t.step("a list that was begun long ago is Gone", () => forgetsLists(client));
  client.close();
});

async function writesObjects(client: KubeClient): Promise<void> {
  const ref = { namespace: "default", name: "written" };
  const created = await client.create(configMaps, configMap("written", { a: "1" }), { fieldManager: "test" });
  assert.equal(created.kind, "ConfigMap");
  assert.deepEqual(await client.get(configMaps, ref), created);
  const replaced = await client.replace(configMaps, { ...created, data: { a: "2" } });
  assert.deepEqual(replaced.data, { a: "2" });
  const stale = failureOf(client.replace(configMaps, { ...created, data: { a: "3" } }), "Conflict");
  assert.match((await stale).message, /^Cannot replace configmaps default\/written: .*has been modified/);
  const merged = await client.patch(configMaps, ref, { type: "merge", body: { data: { b: "4" } } });
  assert.deepEqual(merged.data, { a: "2", b: "4" });
  const steps = [{ op: "test", path: "/data/a", value: "2" }, { op: "remove", path: "/data/a" }];
  assert.deepEqual((await client.patch(configMaps, ref, { type: "json", body: steps })).data, { b: "4" });
  await client.delete(configMaps, ref);
  await failureOf(client.get(configMaps, ref), "NotFound");
  const version = await client.json("GET", "/version");
  assert.match((version as { gitVersion: string }).gitVersion, /^v1\./);
}

async function applies(client: KubeClient): Promise<void> {
  const [mine, theirs] = [{ fieldManager: "mine" }, { fieldManager: "theirs" }];
  await client.apply(configMaps, configMap("applied", { a: "1", b: "1" }), mine);
  const contested = configMap("applied", { a: "2" });
  const conflict = await failureOf(client.apply(configMaps, contested, { ...theirs, force: false }), "Conflict");
  assert.equal(conflict.status?.details?.causes?.[0]?.field, ".data.a");
  assert.deepEqual((await client.apply(configMaps, contested, theirs)).data, { a: "2", b: "1" });
  const yielded = await client.apply(configMaps, configMap("applied", {}), mine);
  assert.deepEqual(yielded.data, { a: "2" });
}

async function runsDry(client: KubeClient): Promise<void> {
  const object = configMap("dry", { a: "1" });
  const options = { dryRun: true, fieldManager: "test" };
  assert.ok((await client.create(configMaps, object, options)).metadata.uid);
  assert.ok((await client.apply(configMaps, object, options)).metadata.uid);
  await failureOf(client.get(configMaps, { namespace: "default", name: "dry" }), "NotFound");
  await client.create(configMaps, object);
  await client.delete(configMaps, { namespace: "default", name: "dry" }, { dryRun: true });
  assert.ok(await client.get(configMaps, { namespace: "default", name: "dry" }));
}

async function writesSubresource(client: KubeClient): Promise<void> {
  const ref = { namespace: "default", name: "scaled" };
  await client.create(deployments, deployment("scaled"));
  await client.patch(deployments, ref, { type: "merge", body: { spec: { replicas: 3 } } }, { subresource: "scale" });
  assert.equal((await client.get(deployments, ref) as { spec?: { replicas?: number } }).spec?.replicas, 3);
}

async function deletesWithPreconditions(client: KubeClient): Promise<void> {
  const ref = { namespace: "default", name: "guarded" };
  const { metadata } = await client.create(configMaps, configMap("guarded", {}));
  await failureOf(client.delete(configMaps, ref, { uid: "another" }), "Conflict");
  await failureOf(client.delete(configMaps, ref, { uid: metadata.uid, resourceVersion: "1" }), "Conflict");
  await client.delete(configMaps, ref, { uid: metadata.uid, resourceVersion: metadata.resourceVersion });
  await failureOf(client.get(configMaps, ref), "NotFound");
  const owned = {
    ...configMap("finalized", {}),
    metadata: { ...metadata, name: "finalized", resourceVersion: undefined },
  };
  await client.create(configMaps, owned);
  await client.delete(configMaps, { ...ref, name: "finalized" }, { propagationPolicy: "Foreground" });
  const waiting = await client.get(configMaps, { ...ref, name: "finalized" });
  assert.deepEqual(waiting.metadata.finalizers, ["foregroundDeletion"]);
}

async function lists(client: KubeClient): Promise<void> {
  for (const name of ["one", "two", "three"]) {
    const object = configMap(`listed-${name}`, { name });
    await client.create(configMaps, { ...object, metadata: { ...object.metadata, labels: { set: "listed" } } });
  }
  const query = { namespace: "default", labelSelector: "set in (listed),none!=x" };
  const first = await client.list(configMaps, { ...query, limit: 2 });
  assert.deepEqual(first.items.map((item) => [item.apiVersion, item.kind, item.metadata.name]), [
    ["v1", "ConfigMap", "listed-one"],
    ["v1", "ConfigMap", "listed-three"],
  ]);
  assert.ok(first.continue && first.resourceVersion && first.sizeBytes > 100);
  const rest = await client.list(configMaps, { ...query, limit: 2, continue: first.continue });
  assert.deepEqual([rest.items.length, rest.continue, rest.resourceVersion], [1, undefined, first.resourceVersion]);
  const partial = await client.list(configMaps, { ...query, metadataOnly: true });
  assert.deepEqual(
    partial.items.map((item) => [item.kind, "data" in item]),
    Array(3).fill(["PartialObjectMetadata", false]),
  );
  const everywhere = await client.list(configMaps, { fieldSelector: "metadata.name=listed-one" });
  assert.deepEqual(everywhere.items.map((item) => item.metadata.namespace), ["default"]);
  assert.deepEqual((await client.list(deployments, { namespace: "kube-system" })).items, []);
  const old = client.list(configMaps, { limit: 1, continue: "bm9uc2Vuc2U" });
  await failureOf(old, "BadRequest");
}

async function listsAll(client: KubeClient): Promise<void> {
  await client.create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name: "big" } });
  const sizes = [...Array(60).fill(10), ...Array(30).fill(40_000)];
  for (const [index, size] of sizes.entries()) {
    const object = configMap(`c-${String(index).padStart(3, "0")}`, { value: "x".repeat(size) });
    await client.create(configMaps, { ...object, metadata: { ...object.metadata, namespace: "big" } });
  }
  const names: string[] = [];
  let pages = 0;
  const options = { pageBytes: 100_000, firstLimit: 5 };
  for await (const page of listAll(client, configMaps, { namespace: "big" }, options)) {
    assert.ok(page.sizeBytes <= 400_000, `a page of ${page.sizeBytes} bytes`);
    names.push(...page.items.map((item) => item.metadata.name));
    pages++;
  }
  assert.deepEqual(names, sizes.map((_, index) => `c-${String(index).padStart(3, "0")}`));
  // Small objects in few pages, large ones two or so a page.
  assert.ok(pages >= 8 && pages <= 25, `${pages} pages`);
}

async function forgetsLists(client: KubeClient): Promise<void> {
  const pages = listAll(client, configMaps, { namespace: "big" }, { firstLimit: 1 });
  assert.equal((await pages.next()).value?.items.length, 1);
  const { continue: more } = await client.list(configMaps, { namespace: "big", limit: 1 });
  const gone = async () => {
    await client.apply(configMaps, configMap("tick", {}), { fieldManager: "test" });
    const page = client.list(configMaps, { namespace: "big", limit: 1, continue: more });
    return await page.then(() => false, (error) => isKubeError(error, "Gone"));
  };
  await waitFor("the list forgotten", gone, { deadlineMs: 30_000, pollMs: 500 });
  assert.equal((await failureOf(pages.next(), "Gone")).httpStatus, 410);
}

async function refusesOddReferences(client: KubeClient): Promise<void> {
  for (const name of ["", ".", ".."]) {
    const error = await failureOf(client.delete(configMaps, { namespace: "default", name }), "BadRequest");
    assert.equal(error.httpStatus, 0);
  }
  await failureOf(client.delete(configMaps, { name: "written" }), "BadRequest");
  await failureOf(client.create(configMaps, { ...configMap("x", {}), metadata: { name: "x" } }), "BadRequest");
  // The server decodes %2F before it looks at the path: this would be the subresource.
  await failureOf(
    client.patch(deployments, { namespace: "default", name: "scaled/scale" }, {
      type: "merge",
      body: { spec: { replicas: 5 } },
    }),
    "BadRequest",
  );
  assert.match(
    (await failureOf(client.get(configMaps, { namespace: "default", name: "a?b=c#d e" }), "NotFound")).message,
    /a\?b=c#d e/,
  );
}
