/**
 * Notices kinds that come and go: definitions are watched, and what the cluster serves is read again after each change.
 *
 * @module
 */
import { DEFINITIONS } from "./builtin_types.ts";
import type { Cluster } from "./cluster.ts";
import type { Log } from "../kube/log.ts";

/** A new definition shows in discovery and in schemas a moment after its event, on a busy server later; the last look is the one that counts. */
const LOOK_AFTER_MS: readonly number[] = [30, 100, 200, 350, 550, 800, 1_200, 2_000, 4_000, 8_000, 20_000];

/** Keeps a cluster's catalogue fresh until the signal is aborted. */
export function watchCatalogue(cluster: Cluster, log: Log, signal: AbortSignal): void {
  let timers: ReturnType<typeof setTimeout>[] = [];
  const refresh = () => {
    cluster.refreshCatalogue(signal).catch((error: unknown) => {
      if (!signal.aborted) {
        log.warn("cannot read what {cluster} serves: {reason}", { cluster: cluster.name, reason: String(error) });
      }
    });
  };
  const forget = () => {
    for (const timer of timers) clearTimeout(timer);
    timers = [];
  };
  const changed = () => {
    forget();
    timers = LOOK_AFTER_MS.map((delayMs) => setTimeout(refresh, delayMs));
  };
  signal.addEventListener("abort", forget, { once: true });
  cluster.client.watch(DEFINITIONS, { metadataOnly: true, start: "now" }, { live: refresh, event: changed }, signal);
}
