/**
 * What the volumes of a Replication need of it.
 *
 * @module
 */
import type { Log } from "../../kube/log.ts";
import type { ResourceType } from "../../kube/types.ts";
import type { Clock } from "../clock.ts";
import type { Cluster } from "../cluster.ts";
import type { Fence } from "../fence.ts";
import type { MirrorIdentity } from "../mirror_context.ts";
import type { WritesUnderWay } from "../writes_under_way.ts";
import type { VolumeSeries } from "./volume_metrics.ts";
import type { Tell } from "./volume_news.ts";
import type { VolumeSettings } from "./volume_settings.ts";

/** See the module. */
export interface VolumeSyncPorts {
  readonly source: Cluster;
  readonly target: Cluster;
  readonly identity: MirrorIdentity;
  readonly fence: Fence;
  /** Its owner waits for what runs, and bounds that. */
  readonly writes: WritesUnderWay;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly series: VolumeSeries;
  /** The `sync-now` value that volumes have carried out, as far as the status knows. */
  readonly lastManualSync?: string;
  /** As they are now. */
  settings(): VolumeSettings;
  mayWrite(): boolean;
  audit(type: ResourceType, operation: string, name: string): void;
  readonly tell: Tell;
  /** Something that the status shows has changed. */
  changed(): void;
}
