/**
 * Kinds that only DR serves, and several Replications that ask whether they have copies of them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { customDefinition } from "../custom_definition.ts";
import { type ApiProxy, failing, startApiProxy } from "../faults/api_proxy.ts";
import { connectDr, installDr } from "../rig/install.ts";
import { conditionOf, CONTROL } from "./api.ts";
import { type SafetyScene, startSafetyScene } from "./safety.ts";
import type { Printed } from "./scene.ts";

const GROUP = "lost.example.com";
const KINDS = ["alder", "birch", "cedar", "elder", "hazel"];
const NAMESPACES = ["lost-a", "lost-b", "lost-c"];
/** A count of a kind without copies is good for this long, and one of a kind with copies. */
const NONE_MS = 300_000;
const SOME_MS = 10_000;

Deno.test("copies of kinds that only DR serves are counted for all Replications at once", async (t) => {
  await using safety = await startSafetyScene({ controller: false });
  await using proxy = startApiProxy(safety.scene.dr);
  await prepare(safety, proxy);
  await t.step("one list of each kind tells all Replications", () => shared(safety, proxy));
  await t.step("where lists of all namespaces are forbidden, each Replication lists its own", () => own(safety, proxy));
  // Before the proxy that it speaks through.
  await safety.scene.controller.stop();
});

/** Replications that have run before, each with one copy of the last kind. */
async function prepare(safety: SafetyScene, proxy: ApiProxy): Promise<void> {
  const { scene } = safety;
  await scene.apply(KINDS.map(definition), scene.dr);
  const names = KINDS.map((kind) => `crd/${kind}s.${GROUP}`);
  await scene.dr.kubectl(["wait", "--for=condition=Established", ...names]);
  await connectDr(scene.source, "dr", proxy.kubeconfig((await installDr(scene.dr)).kubeconfig));
  await scene.startController();
  for (const namespace of NAMESPACES) await safety.mirror(namespace, ["a"]);
  await scene.controller.stop();
  await addCopies(safety, "first");
}

/** An object in each DR namespace that has the label of its Replication. */
async function addCopies({ scene, source }: SafetyScene, name: string): Promise<void> {
  const copies = NAMESPACES.map(async (namespace) => {
    const { status: { replicationId } } = await source.get("replications", CONTROL, namespace);
    const labels = { "dr-syncer.io/managed-by": replicationId };
    return { apiVersion: `${GROUP}/v1`, kind: "Hazel", metadata: { name, namespace, labels } };
  });
  await scene.apply(await Promise.all(copies), scene.dr);
}

async function shared(safety: SafetyScene, proxy: ApiProxy): Promise<void> {
  const startedMs = performance.now();
  using lists = countLists(proxy);
  await safety.scene.startController();
  await untilTold(safety, 1);
  for (const namespace of NAMESPACES) await fullPass(safety, namespace);
  const most = (kind: string) =>
    1 + Math.floor((performance.now() - startedMs) / (kind === KINDS.at(-1) ? SOME_MS : NONE_MS));
  for (const kind of KINDS) {
    const paths = lists.of(kind);
    assert.deepEqual([...new Set(paths)], [`/apis/${GROUP}/v1/${kind}s`]);
    assert.ok(paths.length <= most(kind), `${kind}: ${paths.length} lists`);
  }
}

async function fullPass(safety: SafetyScene, name: string): Promise<void> {
  await safety.annotate(name, "dr-syncer.io/sync-now=again");
  await safety.source.until("replications", CONTROL, name, ({ status }) => status.lastManualSync === "again");
}

async function own(safety: SafetyScene, proxy: ApiProxy): Promise<void> {
  await safety.scene.controller.stop();
  await addCopies(safety, "second");
  using lists = countLists(proxy);
  const wide = KINDS.map((kind) => `/apis/${GROUP}/v1/${kind}s`);
  const allow = proxy.inject(({ path }) => wide.includes(path) ? failing(403, "Forbidden") : undefined);
  await safety.scene.startController();
  await untilTold(safety, 2);
  allow();
  for (const kind of KINDS) {
    const expected = NAMESPACES.map((namespace) => `/apis/${GROUP}/v1/namespaces/${namespace}/${kind}s`);
    assert.deepEqual([...new Set(lists.of(kind))].filter((path) => !wide.includes(path)).sort(), expected);
  }
}

async function untilTold({ source }: SafetyScene, copies: number): Promise<void> {
  for (const namespace of NAMESPACES) {
    await source.until("replications", CONTROL, namespace, (object: Printed) => {
      const degraded = conditionOf(object, "Degraded");
      return degraded?.reason === "SourceKindGone" && degraded.message.includes(`copies in DR (${copies})`);
    });
  }
}

/** Paths of the lists of the kinds that pass from now on, in order. */
function countLists(proxy: ApiProxy) {
  const paths: string[] = [];
  const end = proxy.inject(({ method, path, watch }) => {
    if (method === "GET" && !watch && path.startsWith(`/apis/${GROUP}/v1/`)) paths.push(path);
    return undefined;
  });
  return {
    of: (kind: string) => paths.filter((path) => path.endsWith(`/${kind}s`)),
    [Symbol.dispose]: end,
  };
}

function definition(kind: string): object {
  return customDefinition({ kind: `${kind[0]?.toUpperCase()}${kind.slice(1)}`, group: GROUP });
}
