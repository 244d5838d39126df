/**
 * Proof of life of idle watches.
 *
 * Bookmarks are rare (a minute apart at best; on 1.30 none came in five minutes for an idle kind), and a watch without events cannot
 * be told from a stalled one. So idle kinds are read, metadata only and slowly: when every object is known, all that the source
 * committed before the read began has reached us. An object that is not known is a suspicion for the verifier, no more.
 *
 * @module
 */
import { isKubeError } from "../kube/errors.ts";
import { listAll } from "../kube/list_all.ts";
import type { KubeClient, KubeObject } from "../kube/types.ts";
import type { Clock } from "./clock.ts";
import type { KindFollower } from "./kind_follower.ts";
import { keyOf, type Memory } from "./memory.ts";

/** A kind that was proven this recently is left alone. */
const FRESH_MS = 20_000;
/** Least time between two reads: five a second for one Replication, however many kinds are idle. */
const PAUSE_MS = 200;
/** A read that took long is repeated that much later: at most a hundredth of the time goes into it. */
const REST_FACTOR = 100;

/** What the proof needs. */
export interface ProofPorts {
  readonly client: KubeClient;
  /** The source namespace. */
  readonly namespace: string;
  readonly memory: Memory;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  followers(): Iterable<KindFollower>;
  /** Whether what was read (undefined: gone) is what we know, or waits in the queue. */
  isKnown(key: string, object: KubeObject | undefined): boolean;
  /** A change that the watch has not told of. */
  suspect(key: string): void;
}

/** Reads the idlest kind again and again until the signal is aborted. */
export function proveLife(ports: ProofPorts): void {
  const restUntilMs = new WeakMap<KindFollower, number>();
  const next = () => {
    if (ports.signal.aborted) return;
    const follower = idlest(ports, restUntilMs);
    const reading = follower === undefined ? Promise.resolve() : readOne(follower, ports, restUntilMs);
    void reading.then(() => {
      if (ports.signal.aborted) return;
      timer = setTimeout(next, PAUSE_MS);
    });
  };
  let timer = setTimeout(next, PAUSE_MS);
  ports.signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
}

function idlest(ports: ProofPorts, restUntilMs: WeakMap<KindFollower, number>): KindFollower | undefined {
  const staleBefore = ports.clock.wallMs() - FRESH_MS;
  let found: KindFollower | undefined;
  let foundWallMs = staleBefore;
  for (const follower of ports.followers()) {
    const provenWallMs = follower.provenWallMs();
    if (!follower.provable || provenWallMs === undefined || provenWallMs >= foundWallMs) continue;
    if ((restUntilMs.get(follower) ?? 0) > ports.clock.monotonicMs()) continue;
    found = follower;
    foundWallMs = provenWallMs;
  }
  return found;
}

/** Reads one kind; never rejects. */
async function readOne(
  follower: KindFollower,
  ports: ProofPorts,
  restUntilMs: WeakMap<KindFollower, number>,
): Promise<void> {
  const { clock } = ports;
  const startedMs = clock.monotonicMs();
  const startedWallMs = clock.wallMs();
  try {
    const unknown = await findUnknown(follower, ports);
    if (unknown.length === 0) follower.proven(startedWallMs);
    for (const key of unknown) ports.suspect(key);
  } catch (error) {
    // The watch of an unreachable server tells of it; here it only means that nothing is proven.
    if (!isKubeError(error)) throw error;
  }
  const tookMs = clock.monotonicMs() - startedMs;
  restUntilMs.set(follower, clock.monotonicMs() + Math.max(FRESH_MS / 4, tookMs * REST_FACTOR));
}

async function findUnknown(follower: KindFollower, ports: ProofPorts): Promise<string[]> {
  const { source, name: kindName } = follower.kind;
  const query = { namespace: ports.namespace, metadataOnly: true, signal: ports.signal };
  const seen = new Set<string>();
  const unknown: string[] = [];
  for await (const page of listAll(ports.client, source, query, { firstLimit: 500 })) {
    for (const object of page.items) {
      const key = keyOf(source, object.metadata.name);
      seen.add(key);
      if (!ports.isKnown(key, object)) unknown.push(key);
    }
  }
  for (const [key, entry] of ports.memory.entries()) {
    if (entry.kind === kindName && !seen.has(key) && !ports.isKnown(key, undefined)) unknown.push(key);
  }
  return unknown;
}
