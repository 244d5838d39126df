/**
 * Manifests of the first version of the system in today's kinds. Pure: files in, objects and remarks out.
 *
 * @module
 */
import { GROUP } from "../keys.ts";
import { remoteCluster as remoteClusterSchema } from "../schema/remote_cluster.ts";
import { replication as replicationSchema } from "../schema/replication.ts";
import type { ConvertContext, OutputObject } from "./context.ts";
import type { Finding, Remarks } from "./finding.ts";
import { type LegacyManifest, type ManifestInput, readManifest } from "./manifest.ts";
import { convertRemoteCluster } from "./remote_cluster.ts";
import { convertMapping, readClusterMapping } from "./mapping.ts";

export type { OutputObject } from "./context.ts";
export type { Finding } from "./finding.ts";
export type { ManifestInput } from "./manifest.ts";

/** How to convert. */
export interface ConvertOptions {
  /** Namespace that the objects go to. */
  readonly namespace: string;
  /** Name that the first version had for the cluster that the controller runs in. */
  readonly ownCluster?: string;
}

/** The outcome. */
export interface Conversion {
  readonly objects: readonly OutputObject[];
  readonly findings: readonly Finding[];
}

/** Kinds that say what is mirrored; older releases had other names for it. */
const MAPPINGS: ReadonlySet<string> = new Set(["NamespaceMapping", "Replication", "NamespaceReplication"]);

/** Converts all manifests together: they refer to each other. */
export function convertManifests(inputs: readonly ManifestInput[], options: ConvertOptions): Conversion {
  const findings: Finding[] = [];
  const manifests = inputs.map(readManifest);
  const remarksOn = ({ file, label }: LegacyManifest): Remarks => ({
    lost: (field, message) => findings.push({ file, object: label, field, lost: true, message }),
    note: (field, message) => findings.push({ file, object: label, field, lost: false, message }),
  });
  const ours = manifests.filter((manifest) => manifest.group === GROUP);
  const clusterMappings = ours.filter(({ kind }) => kind === "ClusterMapping")
    .map((manifest) => readClusterMapping(manifest, remarksOn(manifest)));
  const context: ConvertContext = {
    ...options,
    clusterMappings,
    clusters: ours.filter(({ kind }) => kind === "RemoteCluster"),
  };
  const converted = manifests.flatMap((manifest) => {
    const remarks = remarksOn(manifest);
    return convertOne(manifest, remarks, context).filter((object) => fits(object, remarks)).map((object) => ({
      object,
      remarks,
    }));
  });
  return { objects: withUniqueNames(converted), findings };
}

function convertOne(manifest: LegacyManifest, remarks: Remarks, context: ConvertContext): readonly OutputObject[] {
  const { group, kind, value } = manifest;
  if (group !== GROUP) {
    remarks.note("", "is none of dr-syncer's kinds; passed on as it is");
    return [value];
  }
  if (kind === "RemoteCluster") return convertRemoteCluster(manifest, remarks, context);
  if (MAPPINGS.has(kind)) return convertMapping(manifest, remarks, context);
  if (kind !== "ClusterMapping") {
    remarks.lost("", "this kind has no counterpart: backups and single volume syncs are not part of dr-syncer yet");
  }
  return [];
}

/** A last look by the schema: what the API server would refuse is not printed. */
function fits({ apiVersion, kind, spec }: OutputObject, { lost }: Remarks): boolean {
  if (typeof apiVersion !== "string" || !apiVersion.startsWith(`${GROUP}/`)) return true;
  const schema = kind === "Replication" ? replicationSchema : remoteClusterSchema;
  const issues = schema.safeParse({ spec }).error?.issues ?? [];
  for (const { path, message } of issues) lost(path.join("."), `${message}: correct it; the object is left out`);
  return issues.length === 0;
}

/** All go to one namespace: of two of one kind and name, the later one is left out. */
function withUniqueNames(converted: readonly { object: OutputObject; remarks: Remarks }[]): OutputObject[] {
  const seen = new Set<string>();
  return converted.filter(({ object, remarks }) => {
    const { apiVersion, kind, metadata } = object;
    const { name, namespace } = metadata as { name?: string; namespace?: string };
    const key = `${apiVersion}/${kind}/${namespace}/${name}`;
    if (!seen.has(key)) {
      seen.add(key);
      return true;
    }
    remarks.lost(
      "metadata.name",
      `another ${kind} ${name} goes to the same namespace: rename one; this one is left out`,
    );
    return false;
  }).map(({ object }) => object);
}
