/**
 * Who tries to start Pods in a standby and is refused, as the Events of DR's workload controllers tell.
 *
 * @module
 */
import type { KubeObject, OwnerReference } from "../kube/types.ts";
import { objectAt, objectsAt } from "./desired/json.ts";
import { ownerChain, type OwnerLookup, readOwner } from "./owner_chain.ts";
import { STANDBY_QUOTA } from "./standby_quota.ts";

/** Field selector of the Events that count. */
export const REFUSALS = "reason=FailedCreate";
/** Who gave up is told for this long after the last attempt, unless an override allows it: a minute. */
export const TOLD_FOR_MS = 60_000;
/** Most workloads that are kept in mind. */
const MAX_ATTEMPTS = 100;

interface Attempt {
  readonly workload: OwnerReference;
  /** Monotonic; undefined for an attempt before we looked. */
  readonly atMs: number | undefined;
  /** Once it was found. */
  readonly name?: string;
}

/** The workload that an Event says was refused a Pod by our quota; undefined for any other Event. */
export function refusedIn(event: KubeObject): OwnerReference | undefined {
  const { kind, name, uid = "", apiVersion = "" } = (objectAt(event, "involvedObject") ?? {}) as Partial<
    OwnerReference
  >;
  if (event.reason !== "FailedCreate" || kind === undefined || name === undefined) return undefined;
  if (!String(event.message ?? "").includes(`exceeded quota: ${STANDBY_QUOTA}`)) return undefined;
  return { kind, name, uid, apiVersion };
}

/** Whether a workload still lacks Pods that it wants. */
export function wantsPods({ kind, metadata, spec, status }: KubeObject): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  const wanted = (spec ?? {}) as Wanted;
  const found = (status ?? {}) as Record<string, number | undefined>;
  switch (kind) {
    case "Job":
      return wanted.suspend !== true && !hasEnded(status) && podsOfJob(wanted, found.succeeded) > (found.active ?? 0);
    case "DaemonSet":
      return (found.desiredNumberScheduled ?? 0) > (found.currentNumberScheduled ?? 0);
    default:
      return (wanted.replicas ?? 1) > (found.replicas ?? 0);
  }
}

interface Wanted {
  readonly replicas?: number;
  readonly suspend?: boolean;
  readonly parallelism?: number;
  readonly completions?: number;
}

/** Pods that a Job wants at this moment. */
function podsOfJob({ parallelism = 1, completions }: Wanted, succeeded = 0): number {
  return completions === undefined ? parallelism : Math.min(parallelism, completions - succeeded);
}

function hasEnded(status: unknown): boolean {
  return objectsAt({ status }, "status", "conditions").some((condition) =>
    (condition.type === "Complete" || condition.type === "Failed") && condition.status === "True"
  );
}

/** Attempts that were refused, until they end. */
export class StandbyAttempts {
  readonly #attempts = new Map<string, Attempt>();

  get open(): boolean {
    return this.#attempts.size > 0;
  }

  /** An Event; `atMs` (monotonic) is when it came, undefined for one that is older than our watch. */
  note(event: KubeObject, atMs: number | undefined): boolean {
    const workload = refusedIn(event);
    if (workload === undefined || this.#attempts.size >= MAX_ATTEMPTS) return false;
    const id = `${workload.kind}/${workload.name}/${workload.uid}`;
    this.#attempts.set(id, { ...this.#attempts.get(id), workload, atMs });
    return true;
  }

  /** Looks at each workload; answers the names of those that still try, or did a minute ago. Throws `KubeError`. */
  async review(lookup: OwnerLookup, nowMs: number): Promise<string[]> {
    const names = new Set<string>();
    for (const [id, attempt] of this.#attempts) {
      const { workload, atMs } = attempt;
      const live = await readOwner(workload, lookup);
      const chain = live === undefined ? undefined : await ownerChain(live, lookup);
      // A quota that was raised a moment too late for a workload that may run is no news.
      const isRecent = atMs !== undefined && nowMs - atMs < TOLD_FOR_MS && chain?.allowed !== true;
      if (!isRecent && (live === undefined || !wantsPods(live))) {
        this.#attempts.delete(id);
        continue;
      }
      const name = chain?.name ?? attempt.name;
      names.add(name ?? `${workload.kind} ${workload.name}`);
      // A new attempt may have come meanwhile.
      const now = this.#attempts.get(id) ?? attempt;
      if (name !== undefined) this.#attempts.set(id, { ...now, name });
    }
    return [...names];
  }
}
