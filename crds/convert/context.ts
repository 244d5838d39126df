/**
 * What the conversion of one manifest needs to know of the others.
 *
 * @module
 */
import type { LegacyFields } from "./legacy_fields.ts";
import type { Remarks } from "./finding.ts";
import type { LegacyManifest } from "./manifest.ts";
import type { Dropped } from "./settings.ts";

/** A manifest as it is printed: ours, or one that is none of our business. */
export type OutputObject = Readonly<Record<string, unknown>>;

/** A ClusterMapping, which became two fields of each Replication. */
export interface ClusterMapping {
  readonly name: string;
  readonly namespace?: string;
  readonly sourceCluster?: string;
  readonly targetCluster?: string;
  readonly paused: boolean;
}

/** See the module. */
export interface ConvertContext {
  readonly namespace: string;
  readonly ownCluster?: string;
  readonly clusterMappings: readonly ClusterMapping[];
  /** RemoteClusters among the manifests. */
  readonly clusters: readonly LegacyManifest[];
}

/** Takes the fields without counterpart, and tells of those that said something. */
export function dropSettings(fields: LegacyFields, dropped: readonly Dropped[], { lost }: Remarks): void {
  for (const { path, remedy, silent } of dropped) {
    const value = fields.take(path);
    if (value === undefined || value === silent || isEmpty(value)) continue;
    lost(`spec.${path}`, `has no counterpart: ${remedy}`);
  }
}

/** Tells of what nobody took. */
export function tellRest(fields: LegacyFields, { lost }: Remarks): void {
  for (const [path] of fields.rest()) lost(`spec.${path}`, "is not known; remove it, or see docs/reference/api.md");
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}
