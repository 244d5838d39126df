/**
 * The figures at the end of a transfer: `--info=stats2` of rsync without human-readable numbers.
 *
 * @module
 */

/** What a transfer did. */
export interface TransferStats {
  /** Entries of the source's tree. */
  readonly entries: number;
  readonly created: number;
  readonly deleted: number;
  /** Files of which something was sent. */
  readonly transferredFiles: number;
  /** Their lengths together. */
  readonly transferredBytes: number;
  /** What went over the connection, both ways. */
  readonly wireBytes: number;
}

const LABELS: Readonly<Record<string, (keyof TransferStats)>> = {
  "Number of files": "entries",
  "Number of created files": "created",
  "Number of deleted files": "deleted",
  "Number of regular files transferred": "transferredFiles",
  "Total transferred file size": "transferredBytes",
  "Total bytes sent": "wireBytes",
  "Total bytes received": "wireBytes",
};

/** Adds the figure of one line to what is known; a line without one changes nothing. */
export function addStatistic(stats: Partial<TransferStats>, line: string): Partial<TransferStats> {
  const match = line.match(/^([A-Z][a-z ]+): ([\d,]+)/);
  const key = LABELS[match?.[1] ?? ""];
  if (match === null || key === undefined) return stats;
  const value = Number((match[2] ?? "").replaceAll(",", ""));
  return { ...stats, [key]: key === "wireBytes" ? (stats.wireBytes ?? 0) + value : value };
}

/** All figures; those that did not come are 0. */
export function completeStatistics(stats: Partial<TransferStats>): TransferStats {
  return { entries: 0, created: 0, deleted: 0, transferredFiles: 0, transferredBytes: 0, wireBytes: 0, ...stats };
}

/** What several transfers of one tree did together; how large the tree is, the last one knows. */
export function sumStatistics(parts: readonly TransferStats[]): TransferStats {
  const sum = (key: keyof TransferStats) => parts.reduce((total, part) => total + part[key], 0);
  return {
    entries: parts.at(-1)?.entries ?? 0,
    created: sum("created"),
    deleted: sum("deleted"),
    transferredFiles: sum("transferredFiles"),
    transferredBytes: sum("transferredBytes"),
    wireBytes: sum("wireBytes"),
  };
}
