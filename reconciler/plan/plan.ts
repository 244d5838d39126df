/**
 * What a sync would do: a full pass of each Replication against clusters that store nothing.
 *
 * @module
 */
import type { Plan, ReplicationPlan } from "../../crds/plan.ts";
import {
  type AnyReplication,
  isFamily,
  isSingle,
  type RemoteCluster,
  type Replication,
  type ReplicationFamily,
} from "../../crds/types.ts";
import { describe, destinationNamespaceOf, validateReplication } from "../../crds/validate.ts";
import { ConfigError } from "../../kube/config.ts";
import { isKubeError } from "../../kube/errors.ts";
import { holderOf } from "../fence.ts";
import type { Finding } from "../finding.ts";
import { DeletionLedger } from "../intents.ts";
import { NamespaceSync, type NamespaceSyncPorts } from "../namespace_sync.ts";
import { approvalsOf, deletionWindowOf, identityOf, mirrorOptionsOf, selectionOf } from "../replication_settings.ts";
import { type Ends, prepareStandby, type Standby } from "../standby.ts";
import { changesOf, failuresOf, noChanges } from "./changes.ts";
import { PlanClusters, PlanError, type PlannedCluster, type PlanPorts } from "./clusters.ts";
import { findChildren, planOfFamily } from "./family.ts";
import { runPass } from "./pass.ts";

export { PlanError } from "./clusters.ts";

/** What to plan. */
export interface PlanRequest extends PlanPorts {
  /** namespace/name, or a name in the control namespace; undefined: all of the control namespace. */
  readonly replication?: string;
  /** Objects that are not applied yet, or not like this: they take the place of applied ones. Only these Replications are planned. */
  readonly given?: {
    readonly replications: readonly AnyReplication[];
    readonly remoteClusters: readonly RemoteCluster[];
  };
  /** As the controller has them: see `MirrorOptions`. */
  readonly trackingKeys: readonly string[];
  /** Random, of this run: values of Secrets are shown as HMACs with it. */
  readonly hmacKey: Uint8Array;
}

/** Fields that no update may change. */
const IMMUTABLE = ["sourceCluster", "destinationCluster", "sourceNamespace", "destinationNamespace"] as const;

/** Plans. Throws `PlanError` and `KubeError` where there is nothing to plan; what is wrong with one Replication is in its plan. */
export async function makePlan(request: PlanRequest): Promise<Plan> {
  using clusters = await PlanClusters.read(request, request.given?.remoteClusters);
  const chosen = await chooseReplications(request, clusters);
  const plans: ReplicationPlan[] = [];
  // One after the other: each holds the objects of a few pages, and clusters are not to be stormed.
  for (const family of chosen.filter(isFamily)) plans.push(...await planFamily(family, clusters, request));
  const planned = new Set(plans.map(({ replication }) => replication));
  for (const one of chosen.filter(isSingle)) {
    if (!planned.has(nameOf(one))) plans.push(await planReplication(one, clusters, request));
  }
  return { replications: plans };
}

/** The plans of a Replication with a selector and of those that it owns, or would own. */
async function planFamily(
  family: ReplicationFamily,
  clusters: PlanClusters,
  request: PlanRequest,
): Promise<ReplicationPlan[]> {
  try {
    const local = await clusters.open(undefined);
    const source = family.spec.sourceCluster === undefined ? local : await clusters.open(family.spec.sourceCluster);
    const judged = judge(family, clusters, local, source, request);
    const world = clusters.world(local.cluster, source.cluster, false);
    const found = await findChildren({ family, source: source.client, world, signal: request.signal });
    const plans = [planOfFamily(family, { ...found, notes: [...judged, ...found.notes], errors: [] })];
    for (const child of found.children) plans.push(await planReplication(child, clusters, request));
    return plans;
  } catch (error) {
    if (!isKubeError(error) && !(error instanceof PlanError) && !(error instanceof ConfigError)) throw error;
    return [planOfFamily(family, { children: [], notes: [], errors: [error.message] })];
  }
}

async function chooseReplications(request: PlanRequest, clusters: PlanClusters): Promise<AnyReplication[]> {
  const { replication: wanted, given, controlNamespace } = request;
  if (given !== undefined) {
    const isWanted = (name: string) => wanted === undefined || name === qualified(wanted, controlNamespace);
    const chosen = given.replications.filter((one) => isWanted(nameOf(one)));
    if (chosen.length === 0) {
      throw new PlanError(`the files hold no Replication ${wanted ?? ""}: name one that they hold`);
    }
    return await Promise.all(chosen.map((one) => asApplied(one, clusters)));
  }
  if (wanted === undefined) {
    if (clusters.replications.length > 0) return [...clusters.replications];
    const remedy = "name their namespace with --namespace, or a file with --filename";
    throw new PlanError(`there are no Replications in namespace ${controlNamespace}: ${remedy}`);
  }
  const [namespace = "", name = ""] = qualified(wanted, controlNamespace).split("/");
  const found = await clusters.findReplication(namespace, name);
  if (found === undefined) throw new PlanError(`there is no Replication ${namespace}/${name}`);
  return [found];
}

/** The spec of a file on what the cluster knows of the Replication. Throws `PlanError` for a change that would be refused. */
async function asApplied(given: AnyReplication, clusters: PlanClusters): Promise<AnyReplication> {
  const { namespace = "", name } = given.metadata;
  const applied = await clusters.findReplication(namespace, name);
  if (applied === undefined) return given;
  const [before, after]: Partial<Replication["spec"]>[] = [applied.spec, given.spec];
  const changed = IMMUTABLE.find((field) => before?.[field] !== after?.[field]);
  if (changed !== undefined) {
    throw new PlanError(
      `spec.${changed} of Replication ${nameOf(given)} is immutable: create another Replication instead`,
    );
  }
  const annotations = given.metadata.annotations ?? applied.metadata.annotations;
  return { ...given, status: applied.status, metadata: { ...applied.metadata, annotations } };
}

/** The plan of one Replication; what keeps it from being made is in `errors`. */
async function planReplication(
  replication: Replication,
  clusters: PlanClusters,
  request: PlanRequest,
): Promise<ReplicationPlan> {
  const { spec } = replication;
  const header = {
    replication: nameOf(replication),
    source: `${spec.sourceCluster ?? "(own cluster)"}/${spec.sourceNamespace}`,
    destination: `${spec.destinationCluster}/${destinationNamespaceOf(replication)}`,
  };
  try {
    const local = await clusters.open(undefined);
    const source = spec.sourceCluster === undefined ? local : await clusters.open(spec.sourceCluster);
    const notes = judge(replication, clusters, local, source, request);
    const target = await clusters.open(spec.destinationCluster);
    return { ...header, ...await planBetween(replication, { local, source, target }, clusters, request), notes };
  } catch (error) {
    if (!isKubeError(error) && !(error instanceof PlanError) && !(error instanceof ConfigError)) throw error;
    return { ...header, ...noChanges(), errors: [error.message], notes: [] };
  }
}

/** What is worth knowing of the Replication itself. Throws `PlanError` when it would not be honoured. */
function judge(
  replication: AnyReplication,
  clusters: PlanClusters,
  local: PlannedCluster,
  source: PlannedCluster,
  { controlNamespace }: PlanRequest,
): string[] {
  const isTenant = replication.metadata.namespace !== controlNamespace;
  const world = clusters.world(local.cluster, source.cluster, isTenant);
  const { denials, warnings } = validateReplication(replication, world);
  if (denials.length > 0) throw new PlanError(denials.map(describe).join("; "));
  const notes = warnings.map(describe);
  if (replication.spec.paused) notes.push("spec.paused is true: nothing of this happens until it is false");
  if (isTenant) notes.push("a Replication outside of the control namespace is honoured in tenant mode only");
  return notes;
}

interface PlannedEnds {
  readonly local: PlannedCluster;
  readonly source: PlannedCluster;
  readonly target: PlannedCluster;
}

async function planBetween(
  replication: Replication,
  { local, source, target }: PlannedEnds,
  clusters: PlanClusters,
  request: PlanRequest,
): Promise<Pick<ReplicationPlan, "replicationId" | "changes" | "summary" | "errors">> {
  const { clock, signal, controlNamespace, trackingKeys, hmacKey } = request;
  const ends = { source: source.cluster, target: target.cluster };
  const identity = identityOf(replication, ends);
  const { replicationId } = identity;
  const firstWrite = target.client.writes.length;
  const standby = await prepareStandby(ends, {
    identity,
    holder: holderOf(local.cluster.clusterId, controlNamespace),
    knownEpoch: replication.status?.replicationId === replicationId ? replication.status.epoch : undefined,
    trackingKeys,
    clock,
    signal,
    created: () => {},
  });
  const objection = objectionTo(standby, replication);
  if (standby === undefined || objection !== undefined) {
    return { replicationId, ...noChanges(), errors: [objection ?? "there is no standby"] };
  }
  const settings = passSettingsOf(replication, clusters, request);
  const namespace = await planNamespace(ends, standby, { identity, options: settings.options, signal });
  const pass = await runPass({ ...ends, ...standby, ...settings, identity, clock, signal });
  const writes = target.client.writes.slice(firstWrite);
  const findings = { pass, writes, holds: settings.ledger.holds(), namespace, hmacKey };
  return { replicationId, ...changesOf(findings), errors: failuresOf(pass) };
}

/** What would be written of the DR Namespace goes to the dry run's client; what cannot be is answered. */
async function planNamespace(
  { source, target }: Ends,
  { fence }: Standby,
  of: Pick<NamespaceSyncPorts, "identity" | "options" | "signal">,
): Promise<readonly Finding[]> {
  const sync = new NamespaceSync({
    ...of,
    source: source.client,
    target: target.client,
    mayWrite: () => fence.open,
    recheckFence: () => Promise.resolve(),
    audit: () => {},
    changed: () => {},
  });
  await sync.look();
  return sync.findings;
}

function passSettingsOf(replication: Replication, clusters: PlanClusters, { clock, trackingKeys }: PlanRequest) {
  const remote = clusters.remoteClusters.get(replication.spec.destinationCluster);
  return {
    options: mirrorOptionsOf(replication.spec, trackingKeys),
    selection: selectionOf(replication, remote),
    adaptation: replication.spec,
    ledger: new DeletionLedger(deletionWindowOf(replication, clock.wallMs()), () => Promise.resolve()),
    approvals: approvalsOf(replication),
  };
}

/** Why the controller would write nothing in the DR namespace. */
function objectionTo(standby: Standby | undefined, { spec }: Replication): string | undefined {
  if (standby === undefined) return `source namespace ${spec.sourceNamespace} does not exist: create it first`;
  const { verdict } = standby.fence;
  if (verdict.type === "Fenced") return `the DR namespace is fenced: ${verdict.message}`;
  if (verdict.type !== "NotStandby") return undefined;
  return `the DR namespace is ${verdict.role}: it is not written to until it is a Standby again`;
}

function qualified(name: string, controlNamespace: string): string {
  return name.includes("/") ? name : `${controlNamespace}/${name}`;
}

function nameOf({ metadata }: AnyReplication): string {
  return `${metadata.namespace}/${metadata.name}`;
}
