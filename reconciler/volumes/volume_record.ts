/**
 * What is remembered of each volume's last good pass, in DR: a failover without us knows how old the data is, and the next
 * pass, of whatever process, what the source was.
 *
 * @module
 */
import { AGENT_OF, COMPONENT, FIELD_MANAGER } from "../../crds/keys.ts";
import { isKubeError } from "../../kube/errors.ts";
import type { Call, KubeClient, KubeObject } from "../../kube/types.ts";
import type { Census } from "../../agent/census.ts";
import type { Comparison, PassReport } from "../../agent/report.ts";
import { CONFIG_MAPS } from "../builtin_types.ts";
import { isObject, objectAt } from "../desired/json.ts";

/** Name of the ConfigMap in each DR namespace with volumes: one key a claim. */
export const RECORDS = "dr-syncer-volumes";

/** The last good pass of a volume. */
export interface VolumeRecord {
  readonly root: Census["root"];
  readonly entries: number;
  readonly files: number;
  readonly bytes: number;
  /** RFC 3339: everything the source had on disk before this is in DR. */
  readonly syncedUpTo: string;
  /** RFC 3339: when the pass was over. */
  readonly lastGoodSyncTime: string;
  /** The last comparison of contents; undefined before the first. */
  readonly verified?: Verified;
}

/** A comparison of what files hold in both clusters. */
export interface Verified {
  /** RFC 3339: when its pass began. */
  readonly time: string;
  /** Files that were compared. */
  readonly files: number;
  /** Files of DR that were others than the source's at the same length and time, and were mended. */
  readonly differing: number;
}

/** Whose records. */
export interface RecordsOf {
  readonly namespace: string;
  readonly replicationId: string;
}

/** What a pass that ended well leaves to remember, `before` being what was; undefined for any other. */
export function recordOf(
  report: PassReport,
  nowWallMs: number,
  before: VolumeRecord | undefined,
): VolumeRecord | undefined {
  if (report.outcome.kind !== "good" || report.source === undefined) return undefined;
  const { root, count: { entries, files, bytes } } = report.source;
  const startedAt = toSeconds(Date.parse(report.startedAt));
  const { compared } = report;
  const verified = compared === undefined ? before?.verified : verifiedOf(startedAt, compared);
  return {
    root,
    entries,
    files,
    bytes,
    syncedUpTo: startedAt,
    lastGoodSyncTime: toSeconds(nowWallMs),
    ...(verified === undefined ? {} : { verified }),
  };
}

/** Records by claim; none that is not ours or not whole. Throws `KubeError`. */
export async function readRecords(
  client: KubeClient,
  { namespace, replicationId }: RecordsOf,
  call: Call,
): Promise<Map<string, VolumeRecord>> {
  let object: KubeObject;
  try {
    object = await client.get(CONFIG_MAPS, { namespace, name: RECORDS }, call);
  } catch (error) {
    if (isKubeError(error, "NotFound")) return new Map();
    throw error;
  }
  if (object.metadata.labels?.[AGENT_OF] !== replicationId) return new Map();
  const entries = Object.entries(objectAt(object, "data") ?? {}).map(([claim, text]) =>
    [claim, parseRecord(text)] as const
  );
  return new Map(entries.filter((entry): entry is [string, VolumeRecord] => entry[1] !== undefined));
}

/** Remembers a pass. Throws `KubeError`. */
export async function writeRecord(
  client: KubeClient,
  { namespace, replicationId }: RecordsOf,
  claim: string,
  record: VolumeRecord,
  call: Call,
): Promise<void> {
  const labels = { [COMPONENT]: "volumes", [AGENT_OF]: replicationId };
  const data = { [claim]: JSON.stringify(record) };
  const options = { ...call, fieldManager: FIELD_MANAGER };
  const patch = { type: "merge", body: { metadata: { labels }, data } } as const;
  try {
    await client.patch(CONFIG_MAPS, { namespace, name: RECORDS }, patch, options);
  } catch (error) {
    if (!isKubeError(error, "NotFound")) throw error;
    const metadata = { name: RECORDS, namespace, labels };
    await client.create(CONFIG_MAPS, { apiVersion: "v1", kind: "ConfigMap", metadata, data }, options);
  }
}

/** A record as it was written; undefined when it is not whole. */
export function parseRecord(text: unknown): VolumeRecord | undefined {
  try {
    const value = JSON.parse(String(text)) as Partial<VolumeRecord>;
    const { root, entries, files, bytes, syncedUpTo, lastGoodSyncTime } = value;
    const numbers = [entries, files, bytes].every((number) => Number.isSafeInteger(number));
    const times = [syncedUpTo, lastGoodSyncTime].every((time) => !Number.isNaN(Date.parse(time ?? "")));
    const fields = ["filesystem", "inode", "birth", "fsid", "folder", "mounted"];
    const isRoot = isObject(root) &&
      fields.every((field) => typeof (root as Record<string, unknown>)[field] === "string");
    if (!numbers || !times || !isRoot) return undefined;
    const { verified, ...record } = value as VolumeRecord;
    return { ...record, ...(isVerified(verified) ? { verified } : {}) };
  } catch {
    return undefined;
  }
}

function verifiedOf(time: string, { files, differing }: Comparison): Verified {
  return { time, files, differing };
}

function isVerified(value: Verified | undefined): value is Verified {
  return isObject(value) && !Number.isNaN(Date.parse(value.time)) && Number.isSafeInteger(value.differing) &&
    Number.isSafeInteger(value.files);
}

function toSeconds(wallMs: number): string {
  return new Date(Math.floor(wallMs / 1000) * 1000).toISOString().replace(".000Z", "Z");
}
