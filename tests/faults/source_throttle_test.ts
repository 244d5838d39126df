/**
 * A source that says 429 to what is read from it: each call is made again when the source allows it and not before, and nothing is
 * lost.
 *
 * @module
 */
import assert from "node:assert/strict";
import { untilEqual } from "../e2e/compare.ts";
import { DELETE_FREELY } from "../e2e/scenario.ts";
import { CONFIG_MAPS, configMap, connect } from "../e2e/webhook_scene.ts";
import { waitFor } from "../wait.ts";
import { type ApiCall, throttled } from "./api_proxy.ts";
import { type ApiScene, startApiScene } from "./api_scene.ts";

const NAMESPACE = "shop";
const CONTROL = "dr-syncer-system";
const READS = `/namespaces/${NAMESPACE}/`;
const MAPS = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
/** Objects that are deleted while reads of them are throttled. */
const READ = ["read-0", "read-1", "read-2"];
/** No resync but those that are asked for. */
const RARELY = ["--resync-interval", "60"];
const RECOVERY_MS = 120_000;
/** Timers are exact to a millisecond or so. */
const EXACT_MS = 50;

Deno.test("a source that throttles what is watched", async (t) => {
  await using through = await startApiScene("source", { flags: ["--no-observe", ...RARELY] });
  await begin(through);
  await t.step("watches are opened again when it says so, and miss nothing", () => watches(through));
  await t.step("a delete waits until the source says that the object is gone", () => reads(through));
});

Deno.test("a source that throttles lists", async (t) => {
  // Without watches nobody lists but a pass.
  await using through = await startApiScene("source", { flags: ["--no-watch", ...RARELY] });
  await begin(through);
  await t.step("a pass lists again when it says so, and misses nothing", () => lists(through));
  await t.step("also when that is longer than a call may last", () => listsMuchLater(through));
});

async function begin({ scene }: ApiScene): Promise<void> {
  await scene.replicate(NAMESPACE, { deletion: DELETE_FREELY });
  await scene.apply(["changed", "gone", ...READ].map((name) => configMap(NAMESPACE, name, { value: "before" })));
  await sync({ scene }, "first");
  await untilEqual(scene.source, scene.dr, NAMESPACE, RECOVERY_MS);
  await scene.condition(NAMESPACE, "Synced", "True");
}

async function watches(through: ApiScene): Promise<void> {
  const { scene, proxy } = through;
  const turns = new Turns(2, 2);
  const release = proxy.inject((call) => call.watch && call.path.includes(READS) ? turns.judge(call) : undefined);
  proxy.breakWatches();
  await change(through);
  await untilEqual(scene.source, scene.dr, NAMESPACE, RECOVERY_MS);
  // Each was refused twice, and then was not.
  await waitFor("every watch opened again", () => turns.calls > 0 && turns.again >= 2 * turns.calls, {
    deadlineMs: RECOVERY_MS,
    describe: () => `${turns.again} of twice ${turns.calls}`,
  });
  assert.deepEqual(turns.early, []);
  release();
  await scene.condition(NAMESPACE, "Synced", "True");
}

/** While a key waits for its turn, nobody else reads its object. */
async function reads(through: ApiScene): Promise<void> {
  const { scene, proxy } = through;
  const turns = new Turns(2, 2);
  const paths = READ.map((name) => `${MAPS}/${name}`);
  const release = proxy.inject((call) => paths.includes(call.path) ? turns.judge(call) : undefined);
  const client = connect(scene.source.kubeconfig);
  for (const name of READ) await client.delete(CONFIG_MAPS, { namespace: NAMESPACE, name });
  client.close();
  await waitFor("reads that are throttled", () => turns.calls === READ.length, { deadlineMs: RECOVERY_MS });
  await untilEqual(scene.source, scene.dr, NAMESPACE, RECOVERY_MS);
  assert.deepEqual(turns.early, []);
  assert.ok(turns.again >= 2 * READ.length);
  release();
}

async function lists(through: ApiScene): Promise<void> {
  const { scene, proxy } = through;
  const turns = new Turns(2, 2);
  const release = proxy.inject((call) => isList(call) ? turns.judge(call) : undefined);
  await change(through);
  await sync(through, "throttled");
  await untilEqual(scene.source, scene.dr, NAMESPACE, RECOVERY_MS);
  assert.ok(turns.again >= 2 * turns.calls, `${turns.again} of twice ${turns.calls}`);
  assert.deepEqual(turns.early, []);
  release();
  await scene.condition(NAMESPACE, "Synced", "True");
}

/** As a gateway before the API server may say it. */
async function listsMuchLater(through: ApiScene): Promise<void> {
  const { scene, proxy } = through;
  const turns = new Turns(36, 1);
  const release = proxy.inject((call) => isList(call) && call.path === MAPS ? turns.judge(call) : undefined);
  await sync(through, "throttled-long");
  await scene.condition(NAMESPACE, "Degraded", "True", "KindUnreadable");
  await scene.source.kubectl(["create", "serviceaccount", "meanwhile", "-n", NAMESPACE]);
  await scene.until(scene.dr, "serviceaccount", "meanwhile", NAMESPACE);
  await waitFor("the list made again", () => turns.again > 0, { deadlineMs: RECOVERY_MS });
  assert.deepEqual(turns.early, []);
  release();
  await scene.condition(NAMESPACE, "Degraded", "False");
  await scene.condition(NAMESPACE, "Synced", "True");
}

function isList({ method, path, watch }: ApiCall): boolean {
  return method === "GET" && !watch && path.includes(READS) &&
    !path.slice(path.indexOf(READS) + READS.length).includes("/");
}

async function change({ scene }: ApiScene): Promise<void> {
  const client = connect(scene.source.kubeconfig);
  const body = { data: { value: crypto.randomUUID() } };
  await client.create(CONFIG_MAPS, configMap(NAMESPACE, "fresh"));
  await client.patch(CONFIG_MAPS, { namespace: NAMESPACE, name: "changed" }, { type: "merge", body });
  await client.delete(CONFIG_MAPS, { namespace: NAMESPACE, name: "gone" });
  client.close();
}

/** Asks for a full pass, and waits for its end. */
async function sync({ scene }: Pick<ApiScene, "scene">, value: string): Promise<void> {
  const args = ["annotate", "replication", NAMESPACE, "-n", CONTROL, "--overwrite", `dr-syncer.io/sync-now=${value}`];
  await scene.source.kubectl(args);
  const isDone = ({ status }: { status: Record<string, unknown> }) => status.lastManualSync === value;
  await scene.until(scene.source, "replication", NAMESPACE, CONTROL, isDone, RECOVERY_MS);
}

/** Throttles each call so many times, and notes who comes again too early. */
class Turns {
  readonly early: string[] = [];
  /** How often a call came again. */
  again = 0;
  readonly #retryAfterSeconds: number;
  readonly #times: number;
  readonly #asked = new Map<string, { times: number; dueMs: number }>();

  constructor(retryAfterSeconds: number, times: number) {
    this.#retryAfterSeconds = retryAfterSeconds;
    this.#times = times;
  }

  /** Different calls so far. */
  get calls(): number {
    return this.#asked.size;
  }

  judge({ method, path, watch }: ApiCall) {
    const id = `${watch ? "watch" : method} ${path}`;
    const nowMs = performance.now();
    const { times, dueMs } = this.#asked.get(id) ?? { times: 0, dueMs: nowMs };
    if (nowMs < dueMs - EXACT_MS) this.early.push(`${id}: ${Math.round(dueMs - nowMs)} ms too early`);
    if (times > 0) this.again++;
    if (times >= this.#times) return undefined;
    this.#asked.set(id, { times: times + 1, dueMs: nowMs + this.#retryAfterSeconds * 1_000 });
    return throttled(this.#retryAfterSeconds);
  }
}
