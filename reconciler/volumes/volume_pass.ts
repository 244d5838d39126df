/**
 * One pass of one volume: both agents come, the target agent pulls, both go.
 *
 * @module
 */
import type { PassReport, PassState } from "../../agent/report.ts";
import type { Clock } from "../../kube/clock.ts";
import { isKubeError } from "../../kube/errors.ts";
import type { KubeClient, ResourceType } from "../../kube/types.ts";
import type { MirrorIdentity } from "../mirror_context.ts";
import type { AgentImage } from "./agent_manifests.ts";
import { type AgentId, agentName } from "./agent_names.ts";
import { AgentError, AgentPair, type PairEnd } from "./agent_pair.ts";
import { MAX_SILENCE_MS } from "./agent_stream.ts";
import { type ClaimPlan, inTheWay, usersOf } from "./claim_plan.ts";
import { learnPath, type PathChoice, type PathMemory, planPaths, type VolumePath } from "./path_plan.ts";
import { beginWalk, routesOf } from "./path_walk.ts";
import type { PodWatch } from "./pod_watch.ts";
import type { RelayCount } from "./relay.ts";
import { type PullRequest, pullVolume } from "./volume_pull.ts";
import type { VolumeRecord } from "./volume_record.ts";

/** Whether we may still write is looked at this often, besides what the Pods tell. */
const WATCH_MS = 1_000;
/** Removing both agents takes no longer. */
const CLEAN_UP_MS = 20_000;

/**
 * What may be deleted in DR without a person's word: the larger of a count and a percentage of the entries. It is that of a
 * source which shrinks.
 */
const DELETE_POLICY = { count: 100, percent: 50 };

/** What a pass needs. */
export interface VolumePassPorts {
  readonly source: KubeClient;
  readonly target: KubeClient;
  readonly sourcePods: PodWatch;
  readonly targetPods: PodWatch;
  readonly identity: MirrorIdentity;
  readonly epoch: number;
  readonly image: AgentImage;
  readonly paths: {
    readonly choice: PathChoice;
    readonly memory: PathMemory;
    /** Id of the source cluster. */
    readonly sourceId: string;
  };
  readonly excludes: readonly string[];
  readonly bandwidthKiBps?: number;
  readonly clock: Clock;
  /** Aborted: the pass stops. */
  readonly signal: AbortSignal;
  /** Aborted: what is not removed yet is left to the next process. */
  readonly cutOff: AbortSignal;
  newId(): string;
  /** The fence is ours, the DR namespace a Standby, and this process leads. */
  mayWrite(): boolean;
  onProgress(state: PassState): void;
  /** A path did not reach the source, or broke. */
  onDead(path: VolumePath, message: string): void;
  /** A connection through the tunnel is over. */
  onTunnelled(count: RelayCount): void;
  /** Not everything could be removed. */
  onLeft(error: unknown): void;
  /** Something was written to DR. */
  audit(operation: "create" | "delete", type: ResourceType, name: string): void;
}

/** What is to be copied. */
export interface VolumeJob {
  readonly plan: Extract<ClaimPlan, { kind: "copy" }>;
  /** Undefined before the first good pass. */
  readonly record?: VolumeRecord;
  /** Ids of holds that are released. */
  readonly approvals: readonly string[];
}

/** How it ended. */
export type VolumePassEnd =
  | {
    readonly kind: "report";
    readonly report: PassReport; /** Over which the source was reached. */
    readonly path?: VolumePath;
  }
  /** There was no pass, or it had to stop. */
  | { readonly kind: "none"; readonly reason: string; readonly message: string }
  /** Told to. */
  | { readonly kind: "stopped" };

/** Runs a pass. Agents are removed when it resolves; never rejects. */
export async function passVolume(job: VolumeJob, ports: VolumePassPorts): Promise<VolumePassEnd> {
  const watch = new Lookout(job, ports);
  const id = { replicationId: ports.identity.replicationId, claim: job.plan.claim, passId: ports.newId() };
  const ends = await endsOf(id, job, ports);
  const pair = new AgentPair(ends, (...what) => ports.audit(...what));
  try {
    watch.start(ends);
    return await pull(job, pair, ends, { ...ports, signal: watch.signal });
  } catch (error) {
    return explain(error, watch.why, ports.signal.aborted);
  } finally {
    watch.stop();
    await pair.close({ signal: ports.cutOff, deadlineMs: CLEAN_UP_MS }).catch((error) => ports.onLeft(error));
  }
}

function explain(error: unknown, why: Lookout["why"], isStopped: boolean): VolumePassEnd {
  if (isStopped) return { kind: "stopped" };
  // Why it had to stop says more than how it stopped.
  if (why !== undefined) return { kind: "none", ...why };
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof AgentError) return { kind: "none", reason: error.reason, message };
  return { kind: "none", reason: isKubeError(error) ? error.reason : "Internal", message };
}

async function endsOf(
  id: AgentId,
  { plan }: VolumeJob,
  { source, target, sourcePods, targetPods, identity, image }: VolumePassPorts,
): Promise<{ source: PairEnd; target: PairEnd }> {
  const [sourceName, targetName] = await Promise.all([agentName(id, "source"), agentName(id, "target")]);
  const anywhere = { tolerations: [] };
  return {
    source: {
      client: source,
      pods: sourcePods,
      spec: {
        id,
        end: "source",
        name: sourceName,
        namespace: identity.sourceNamespace,
        image,
        placement: plan.placement,
      },
    },
    target: {
      client: target,
      pods: targetPods,
      spec: {
        id,
        end: "target",
        name: targetName,
        namespace: identity.destinationNamespace,
        image,
        placement: anywhere,
      },
    },
  };
}

/** Which paths there are, in order, and what came of them. */
async function pull(
  job: VolumeJob,
  pair: AgentPair,
  ends: { readonly source: PairEnd; readonly target: PairEnd },
  ports: VolumePassPorts,
): Promise<VolumePassEnd> {
  const { clock, signal, cutOff, paths: { choice, memory, sourceId } } = ports;
  const known = memory.get(sourceId);
  const plan = planPaths(choice, known, clock.nowMs());
  const addresses = await pair.open({ signal, cutOff, isDirect: plan.paths.includes("Direct") });
  const walk = beginWalk(routesOf(plan.paths, addresses), plan.dead, clock.nowMs());
  const end = await pullVolume(requestOf(job, ends.source.spec.id, ports), walk, { ...ports, ends });
  if (end === undefined) {
    return { kind: "none", reason: "AgentNotReady", message: "the agents have no address, or said nothing" };
  }
  const { report, path, reached, dead } = end;
  if (reached && choice === "Auto") memory.set(sourceId, learnPath(known, path, dead, clock.nowMs()));
  return { kind: "report", report, ...(reached ? { path } : {}) };
}

function requestOf(
  { plan, record, approvals }: VolumeJob,
  { passId }: AgentId,
  { identity, epoch, excludes, bandwidthKiBps }: VolumePassPorts,
): PullRequest {
  return {
    passId,
    // Part of the ids of holds: with another last good pass they are others, so that an approval is good for one pass.
    volume: [identity.replicationId, plan.claim, plan.targetUid, record?.lastGoodSyncTime].join("/"),
    epoch,
    ...(record === undefined ? {} : { lastGood: { root: record.root, entries: record.entries } }),
    policy: DELETE_POLICY,
    approvals: [...approvals],
    excludes: [...excludes],
    maxSilenceMs: MAX_SILENCE_MS,
    ...(bandwidthKiBps === undefined ? {} : { bandwidthKiBps }),
  };
}

/** Ends a pass as soon as something else needs a volume, or we may not write any more. */
class Lookout {
  readonly #job: VolumeJob;
  readonly #ports: VolumePassPorts;
  readonly #abort = new AbortController();
  #cleanups: (() => void)[] = [];
  /** What ended the pass. */
  why: { readonly reason: string; readonly message: string } | undefined;

  constructor(job: VolumeJob, ports: VolumePassPorts) {
    this.#job = job;
    this.#ports = ports;
  }

  get signal(): AbortSignal {
    return AbortSignal.any([this.#abort.signal, this.#ports.signal]);
  }

  start({ source }: { readonly source: PairEnd }): void {
    const { sourcePods, targetPods } = this.#ports;
    const look = () => this.#look(source.spec.name);
    const timer = setInterval(look, WATCH_MS);
    this.#cleanups = [sourcePods.onChange(look), targetPods.onChange(look), () => clearInterval(timer)];
    look();
  }

  stop(): void {
    for (const cleanup of this.#cleanups) cleanup();
  }

  #look(agent: string): void {
    const { plan } = this.#job;
    const { sourcePods, targetPods, mayWrite } = this.#ports;
    const intruder = usersOf(plan.claim, targetPods.pods)[0];
    const node = sourcePods.get(agent)?.node ?? plan.placement.node;
    const moved = inTheWay(plan.claim, plan.modes, node, sourcePods.pods);
    if (!mayWrite()) this.#end("Fenced", "the DR namespace is no Standby of ours any more");
    else if (intruder !== undefined) this.#end("TargetInUse", `Pod ${intruder.name} uses the claim in DR`);
    else if (node !== undefined && moved !== undefined) this.#end("SourceMoved", moved);
  }

  #end(reason: string, message: string): void {
    this.why ??= { reason, message };
    this.#abort.abort();
  }
}
