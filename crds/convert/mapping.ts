/**
 * NamespaceMappings and Replications of the first version, with the ClusterMappings they refer to.
 *
 * @module
 */
import { GROUP, VERSION } from "../keys.ts";
import { replicationSpec } from "../schema/replication.ts";
import { type ClusterMapping, type ConvertContext, dropSettings, type OutputObject, tellRest } from "./context.ts";
import type { Remarks } from "./finding.ts";
import { LegacyFields } from "./legacy_fields.ts";
import { type LegacyManifest, metadataFor } from "./manifest.ts";
import { takeNamespaces } from "./namespaces.ts";
import { convertSelection } from "./selection.ts";
import { DROPPED_DATA_SETTINGS, DROPPED_MAPPING_SETTINGS, DROPPED_SETTINGS } from "./settings.ts";
import { mappingsFrom, scheduleFrom, textOf } from "./values.ts";

type Spec = Record<string, unknown>;

/** How often the first version synced when nothing said how often. */
const FORMER_DEFAULT_SCHEDULE = "*/5 * * * *";

/** A ClusterMapping: only its ends are carried over. */
export function readClusterMapping(manifest: LegacyManifest, remarks: Remarks): ClusterMapping {
  const fields = new LegacyFields(manifest.value.spec);
  const mapping = {
    name: manifest.name,
    namespace: manifest.namespace,
    sourceCluster: textOf(fields.take("sourceCluster")),
    targetCluster: textOf(fields.take("targetCluster")),
    paused: fields.take("paused") === true,
  };
  dropSettings(fields, DROPPED_MAPPING_SETTINGS, remarks);
  tellRest(fields, remarks);
  return mapping;
}

/** The Replications of one mapping: one for each namespace, none where its ends cannot be told. */
export function convertMapping(manifest: LegacyManifest, remarks: Remarks, context: ConvertContext): OutputObject[] {
  const fields = new LegacyFields(manifest.value.spec);
  const ends = takeClusters(fields, manifest, remarks, context);
  const namespaces = takeNamespaces(fields, remarks, context);
  const settings: Spec = {
    ...takeMode(fields, ends?.destinationCluster, remarks, context),
    ...takePaused(fields, ends?.paused === true),
    ...convertSelection(fields, remarks),
    ...takeScale(fields),
    ...takeDefinitions(fields, remarks),
    ...takeVolumes(fields, remarks),
    ...takeImmutable(fields, remarks),
  };
  dropSettings(fields, DROPPED_SETTINGS, remarks);
  Object.assign(settings, takeTodays(fields, manifest));
  tellRest(fields, remarks);
  if (ends === undefined || namespaces.length === 0) {
    remarks.lost("", "is left out: its ends cannot be told");
    return [];
  }
  const { sourceCluster, destinationCluster } = ends;
  return namespaces.map(({ suffix, ...ends }) => ({
    apiVersion: `${GROUP}/${VERSION}`,
    kind: "Replication",
    metadata: metadataFor(manifest, context.namespace, nameFor(manifest, suffix, namespaces.length)),
    spec: {
      ...(sourceCluster === undefined ? {} : { sourceCluster }),
      destinationCluster,
      ...ends,
      ...settings,
    },
  }));
}

interface Clusters {
  readonly sourceCluster?: string;
  readonly destinationCluster: string;
  readonly paused: boolean;
}

function takeClusters(
  fields: LegacyFields,
  { namespace }: LegacyManifest,
  { lost, note }: Remarks,
  { clusterMappings, ownCluster }: ConvertContext,
): Clusters | undefined {
  const [source, destination] = [textOf(fields.take("sourceCluster")), textOf(fields.take("destinationCluster"))];
  const ref = new LegacyFields(fields.take("clusterMappingRef"));
  const [name, where] = [textOf(ref.take("name")), textOf(ref.take("namespace")) ?? namespace];
  const mapping = clusterMappings.find((one) =>
    one.name === name && (one.namespace === where || one.namespace === undefined || where === undefined)
  );
  if (name !== undefined && mapping === undefined && destination === undefined) {
    lost("spec.clusterMappingRef", `ClusterMapping ${name} is not among the files: give its manifest, too`);
    return undefined;
  }
  const sourceCluster = mapping?.sourceCluster ?? source;
  const destinationCluster = mapping?.targetCluster ?? destination;
  if (destinationCluster === undefined) {
    lost("spec.destinationCluster", "is missing: name the RemoteCluster to mirror to");
    return undefined;
  }
  const paused = mapping?.paused === true;
  if (sourceCluster === undefined || sourceCluster === ownCluster) return { destinationCluster, paused };
  note(
    "spec.sourceCluster",
    `${sourceCluster} is mirrored as a remote cluster, by watch alone; if the controller runs there, convert with ` +
      `--own-cluster ${sourceCluster}`,
  );
  return { sourceCluster, destinationCluster, paused };
}

/** Mode and schedule; the first version's default was Scheduled. */
function takeMode(fields: LegacyFields, cluster: string | undefined, remarks: Remarks, context: ConvertContext): Spec {
  const mode = fields.takeAny("replicationMode", "sync.mode") ?? "Scheduled";
  const value = fields.takeAny("schedule", "sync.schedule");
  const timeZone = fields.take("timeZone");
  const replicationMode = typeof mode === "string" ? mode : "Scheduled";
  if (replicationMode !== "Scheduled") {
    if (value !== undefined) remarks.note("spec.schedule", `has no meaning in mode ${replicationMode}, as before`);
    return { replicationMode };
  }
  const schedule = scheduleFrom(value, "spec.schedule", remarks);
  const zone = typeof timeZone === "string" ? { timeZone } : {};
  if (schedule !== undefined) return { replicationMode, schedule, ...zone };
  const remote = context.clusters.find(({ name }) => name === cluster);
  const defaultSchedule = new LegacyFields(remote?.value.spec).take("defaultSchedule");
  if (remote !== undefined && (defaultSchedule === undefined || defaultSchedule === "")) {
    return { replicationMode, schedule: FORMER_DEFAULT_SCHEDULE, ...zone };
  }
  if (remote === undefined) {
    remarks.note(
      "spec.schedule",
      `is empty: defaultSchedule of RemoteCluster ${cluster} counts; where that has none, set ` +
        `"${FORMER_DEFAULT_SCHEDULE}", which was the default`,
    );
  }
  return { replicationMode, ...zone };
}

function takePaused(fields: LegacyFields, mappingPaused: boolean): Spec {
  return fields.take("paused") === true || mappingPaused ? { paused: true } : {};
}

function takeScale(fields: LegacyFields): Spec {
  return fields.takeAny("scaleToZero", "deploymentConfig.scaleToZero") === false ? { scaleToZero: false } : {};
}

/** Definitions were skipped unless asked for. */
function takeDefinitions(fields: LegacyFields, { note }: Remarks): Spec {
  if (fields.take("syncCRDs") !== true) return { crds: "Never" };
  note("spec.syncCRDs", "DR gets the definitions that it lacks (crds: IfMissing); one that it has is not changed");
  return {};
}

function takeVolumes(fields: LegacyFields, remarks: Remarks): Spec {
  const spec: Spec = {};
  for (const name of ["storageClassMappings", "accessModeMappings"]) {
    const path = `pvcConfig.${name}`;
    const mappings = mappingsFrom(fields.takeAny(path, path.slice(0, -1)), `spec.${path}`, remarks);
    if (mappings.length > 0) spec[name] = mappings;
  }
  const data = fields.takeAny("pvcConfig.syncData", "pvcConfig.includeData", "pvcConfig.enabled") === true;
  if (data) {
    remarks.lost(
      "spec.pvcConfig.syncData",
      "is not taken over: volume data is copied otherwise, docs/guide/volumes.md says how; keep what copies it until then",
    );
    dropSettings(fields, DROPPED_DATA_SETTINGS, remarks);
  } else fields.take("pvcConfig.dataSyncConfig");
  return spec;
}

function takeImmutable(fields: LegacyFields, { lost }: Remarks): Spec {
  const field = "immutableResourceConfig.defaultHandling";
  const handling = fields.take(field);
  if (handling === undefined || handling === "NoChange") return {};
  if (handling === "PartialUpdate") {
    lost(`spec.${field}`, "PartialUpdate has no counterpart: such a change is reported, and the copy stays as it was");
    return {};
  }
  return { immutableFieldPolicy: "Recreate" };
}

/** Fields that are today's already, in Replications that were converted before or written by hand. */
function takeTodays(fields: LegacyFields, { kind }: LegacyManifest): Spec {
  if (kind !== "Replication") return {};
  const entries = Object.keys(replicationSpec.shape).map((name) => [name, fields.take(name)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** The mapping's own name, or one for each member of a list. */
function nameFor({ name }: LegacyManifest, suffix: string, count: number): string {
  return count === 1 ? name : `${name}-${suffix}`;
}
