/**
 * A user who keeps writing while something fails: creates, changes and deletes ConfigMaps of a namespace, one after another.
 *
 * @module
 */
import type { Cluster } from "../rig/cluster.ts";
import { CONFIG_MAPS, configMap, connect } from "../e2e/webhook_scene.ts";
import { waitFor } from "../wait.ts";

/** Time between two writes: a pace, so that a fault falls among them, not a wait for anything. */
const PACE_MS = 40;
/** Objects that are changed again and again and never deleted. */
export const LASTING = 8;

/** Writes under way. */
export interface Writes extends AsyncDisposable {
  /** Writes that were answered well. */
  readonly done: number;
  /** Waits until so many more are done. */
  more(count: number, deadlineMs?: number): Promise<void>;
  /** Ends it; no write is under way afterwards. */
  stop(): Promise<void>;
}

/** Begins to write to `namespace`; a write that fails is left out, as an impatient user would. */
export function startWrites(cluster: Cluster, namespace: string, prefix = "w"): Writes {
  const client = connect(cluster.kubeconfig);
  const stopping = new AbortController();
  const state = { done: 0, turn: 0 };
  const loop = (async () => {
    while (!stopping.signal.aborted) {
      const turn = state.turn++;
      const startedMs = performance.now();
      await writeOnce(turn).then(() => state.done++, () => {});
      await pause(PACE_MS - (performance.now() - startedMs), stopping.signal);
    }
  })();
  const call = { deadlineMs: 3_000 };
  /** In turn: a lasting object changes, a passing one comes, another one changes, the passing one before goes. */
  async function writeOnce(turn: number): Promise<unknown> {
    const passing = (of: number) => `${prefix}-passing-${of}`;
    if (turn % 4 === 1) return await client.create(CONFIG_MAPS, configMap(namespace, passing(turn)), call);
    if (turn % 4 === 3 && turn > 12) {
      return await client.delete(CONFIG_MAPS, { namespace, name: passing(turn - 10) }, call);
    }
    const name = `${prefix}-lasting-${turn % LASTING}`;
    const body = configMap(namespace, name, { turn: String(turn) });
    return await client.apply(CONFIG_MAPS, body, { ...call, fieldManager: "a-user" });
  }
  const stop = async () => {
    stopping.abort();
    await loop;
    client.close();
  };
  return {
    get done() {
      return state.done;
    },
    async more(count, deadlineMs = 30_000) {
      const until = state.done + count;
      await waitFor(`${count} more writes in ${namespace}`, () => state.done >= until, { deadlineMs });
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  if (delayMs <= 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, delayMs);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}
