/**
 * What specs say of volumes, with defaults.
 *
 * @module
 */
import { pvcSync } from "../../crds/schema/volumes.ts";
import type { RemoteCluster, Replication } from "../../crds/types.ts";
import type { AgentImage } from "./agent_manifests.ts";
import type { PathChoice } from "./path_plan.ts";

/** How the volumes of a Replication are copied. */
export interface VolumeSettings {
  /** Off: what an earlier process left is removed, nothing else. */
  readonly enabled: boolean;
  readonly image: AgentImage;
  readonly path: PathChoice;
  /** Volumes copied to the cluster at once. */
  readonly concurrency: number;
  readonly bandwidthKiBps?: number;
  /** Patterns of rsync(1). */
  readonly excludes: readonly string[];
}

const UNITS_KIB: Readonly<Record<string, number>> = { Ki: 1, Mi: 1_024, Gi: 1_048_576 };

/** Whether volumes are a matter of a Replication, or were one. */
export function hasVolumes({ spec, status }: Replication): boolean {
  return spec.pvc?.syncData === true || status?.volumes !== undefined;
}

/** The settings. `remote` is the DR cluster's RemoteCluster. */
export function volumeSettingsOf({ spec }: Replication, remote: RemoteCluster | undefined): VolumeSettings {
  const { image, path, concurrency, bandwidthLimit } = remote?.spec.pvcSync ?? pvcSync.parse({});
  return {
    enabled: spec.pvc?.syncData === true,
    image: { name: `${image.repository}:${image.tag}`, pullPolicy: image.pullPolicy },
    path,
    concurrency,
    bandwidthKiBps: kibibytesOf(spec.pvc?.bandwidthLimit ?? bandwidthLimit),
    excludes: spec.pvc?.exclude ?? [],
  };
}

function kibibytesOf(limit: string | undefined): number | undefined {
  return limit === undefined ? undefined : Number(limit.slice(0, -2)) * (UNITS_KIB[limit.slice(-2)] ?? 1);
}
