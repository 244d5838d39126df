/**
 * Proof that the watches have told of everything.
 *
 * An event proves nothing about what is still on its way, bookmarks are rare (a minute apart at best; on 1.30 none came in
 * five minutes for an idle kind), and a watch without events cannot be told from a stalled one. So each kind is read, metadata
 * only and slowly: when every object is known, all that the source committed before the read began has reached us. An object
 * that is not known is a suspicion for the verifier, no more.
 *
 * @module
 */
import { systemClock as timers, waitFor } from "../kube/clock.ts";
import { isKubeError } from "../kube/errors.ts";
import { listAll } from "../kube/list_all.ts";
import type { KubeClient, KubeObject } from "../kube/types.ts";
import type { Clock } from "./clock.ts";
import type { KindFollower } from "./kind_follower.ts";
import { keyOf, type Memory } from "./memory.ts";
import { isNewer } from "./resource_version.ts";

/** A kind that was proven this recently is left alone. */
const FRESH_MS = 20_000;
/** Least time between two reads: five a second for one Replication, however many kinds are idle. */
const PAUSE_MS = 200;
/** What was read may be ahead of the watch by this much; after it, it is a suspicion. */
const SETTLE_MS = 250;
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

/** Reads the kind with the oldest proof, again and again until the signal is aborted. */
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
  const { clock, signal } = ports;
  const startedMs = clock.monotonicMs();
  const startedWallMs = clock.wallMs();
  try {
    const found = await findUnknown(follower, ports);
    let { unknown } = found;
    const tookMs = clock.monotonicMs() - startedMs;
    restUntilMs.set(follower, clock.monotonicMs() + Math.max(FRESH_MS / 4, tookMs * REST_FACTOR));
    if (unknown.length > 0) {
      await waitFor(timers, SETTLE_MS, signal);
      unknown = unknown.filter((look) => !isKnown(look, ports));
    }
    if (signal.aborted) return;
    if (unknown.length === 0) follower.proven(startedWallMs, found.listedVersion);
    for (const { key } of unknown) ports.suspect(key);
  } catch (error) {
    // The watch of an unreachable server tells of it; here it only means that nothing is proven.
    if (!isKubeError(error)) throw error;
  }
}

/** An object as it was read: undefined when memory has it and the list, as of `listedVersion`, does not. */
interface Look {
  readonly key: string;
  readonly object?: KubeObject;
  readonly listedVersion: string;
}

async function findUnknown(
  follower: KindFollower,
  ports: ProofPorts,
): Promise<{ unknown: Look[]; listedVersion: string }> {
  const { source, name: kindName } = follower.kind;
  const query = { namespace: ports.namespace, metadataOnly: true, signal: ports.signal };
  const seen = new Set<string>();
  const unknown: Look[] = [];
  const look = (found: Look) => {
    if (!isKnown(found, ports)) unknown.push(found);
  };
  let listedVersion = "";
  for await (const page of listAll(ports.client, source, query, { firstLimit: 500 })) {
    listedVersion = page.resourceVersion;
    for (const object of page.items) {
      const key = keyOf(source, object.metadata.name);
      seen.add(key);
      look({ key, object, listedVersion });
    }
  }
  for (const [key, entry] of ports.memory.entries()) {
    if (entry.kind === kindName && !seen.has(key)) look({ key, listedVersion });
  }
  return { unknown, listedVersion };
}

/** Whether the watch has told of what was read, or of something newer. */
function isKnown({ key, object, listedVersion }: Look, ports: ProofPorts): boolean {
  if (ports.isKnown(key, object)) return true;
  const entry = ports.memory.get(key);
  const known = entry?.sourceResourceVersion;
  if (object === undefined) return known !== undefined && isNewer(known, listedVersion);
  return known !== undefined && entry?.sourceUid === object.metadata.uid &&
    isNewer(known, object.metadata.resourceVersion);
}
