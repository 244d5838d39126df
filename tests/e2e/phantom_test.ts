/**
 * Phantom admissions: writes that were announced and never happened cause no write in DR.
 *
 * @module
 */
import assert from "node:assert/strict";
import { waitFor } from "../wait.ts";
import { marksOf, untilEqual } from "./compare.ts";
import { DENIED, startDenying } from "./denying_webhook.ts";
import { DELETE_FREELY, runController } from "./scenario.ts";
import { type Scene, startScene } from "./scene.ts";

/** Without a watch a hint is followed for 35 s before it counts as a phantom. */
const GIVEN_UP_MS = 60_000;
const WITH_BOTH = "phantoms";
const HINTS_ONLY = "phantoms-hinted";

Deno.test("what was announced and never happened is not written in DR", async (t) => {
  await using scene = await startScene({ controller: false });
  await t.step("with watch and hook", async () => {
    await using _controller = await runController(scene, []);
    await showsNoPhantoms(scene, WITH_BOTH);
  });
  await t.step("with hints only", async () => {
    await using _controller = await runController(scene, ["--no-watch", "--resync-interval", "60"]);
    await showsNoPhantoms(scene, HINTS_ONLY);
  });
});

async function showsNoPhantoms(scene: Scene, namespace: string): Promise<void> {
  await scene.replicate(namespace, { deletion: DELETE_FREELY });
  await scene.condition(namespace, "Synced", "True");
  await untilHinted(scene, namespace);
  await scene.apply([map(namespace, "existing"), map(namespace, "kept", { denied: "true" })]);
  await untilEqual(scene.source, scene.dr, namespace);
  await using _denying = await startDenying(scene.source, [namespace]);
  const before = await reading(scene, namespace);
  const unchanged = await unchangedHints(scene, namespace);

  await refuses(scene, ["create", "-f", "-"], map(namespace, "existing", {}, "other"), "already exists");
  await refuses(scene, ["create", "-f", "-"], map(namespace, "never", { denied: "true" }), DENIED);
  await refuses(scene, patch(namespace, "kept"), undefined, DENIED);
  await refuses(scene, ["delete", "configmap", "kept", "-n", namespace], undefined, DENIED);
  await runDry(scene, namespace);

  // `existing` once, `never` once, `kept` twice: the two may be followed as one.
  await waitFor(
    "every hint found to be a phantom",
    async () => await unchangedHints(scene, namespace) - unchanged >= 3,
    { deadlineMs: GIVEN_UP_MS, pollMs: 250 },
  );
  assert.deepEqual(await reading(scene, namespace), before, "copies, and writes in DR");
  assert.equal(await unchangedHints(scene, namespace) - unchanged, 3, "a dry run is not announced");
  await alive(scene, namespace);
}

/** Copies with their versions, and how many writes there were, failed ones included. */
async function reading(scene: Scene, namespace: string): Promise<object> {
  const writes = await scene.controller.metric("dr_syncer_writes_total", {
    replication: `dr-syncer-system/${namespace}`,
  });
  return { marks: await marksOf(scene.dr, namespace), writes };
}

function unchangedHints(scene: Scene, namespace: string): Promise<number> {
  const labels = { replication: `dr-syncer-system/${namespace}`, outcome: "unchanged" };
  return scene.controller.metric("dr_syncer_hints_total", labels);
}

/** The hook is installed when a Replication begins to run; from here on each write is announced. */
async function untilHinted(scene: Scene, namespace: string): Promise<void> {
  const labels = { replication: `dr-syncer-system/${namespace}` };
  let value = 0;
  await waitFor("a hint", async () => {
    await scene.apply([map(namespace, "existing", {}, `probe-${value++}`)]);
    return await scene.controller.metric("dr_syncer_hints_total", labels) > 0;
  }, { deadlineMs: 30_000, pollMs: 500 });
}

async function refuses(scene: Scene, args: readonly string[], object: object | undefined, why: string): Promise<void> {
  const stdin = object === undefined ? undefined : JSON.stringify(object);
  const { code, stderr } = await scene.source.kubectl(args, { stdin, allowFailure: true });
  assert.notEqual(code, 0, `${args.join(" ")} is refused`);
  assert.ok(stderr.includes(why), stderr);
}

async function runDry(scene: Scene, namespace: string): Promise<void> {
  const dry = (args: readonly string[], stdin?: object) =>
    scene.source.kubectl([...args, "--dry-run=server"], { stdin: stdin && JSON.stringify(stdin) });
  await dry(["create", "-f", "-"], map(namespace, "tried"));
  await dry(patch(namespace, "existing"));
  await dry(["delete", "configmap", "existing", "-n", namespace]);
}

/** A write that does happen is mirrored: the quiet before was not that of a dead controller. */
async function alive(scene: Scene, namespace: string): Promise<void> {
  await scene.apply([map(namespace, "existing", {}, "real")]);
  await scene.until(scene.dr, "configmap", "existing", namespace, ({ data }) => data.value === "real");
}

function patch(namespace: string, name: string): string[] {
  return ["patch", "configmap", name, "-n", namespace, "--type=merge", "-p", '{"data":{"value":"patched"}}'];
}

function map(namespace: string, name: string, labels: Record<string, string> = {}, value = "first"): object {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace, labels }, data: { value } };
}
