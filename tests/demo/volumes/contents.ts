/**
 * What is on the application's volume, as the application says it: the same words in both clusters.
 *
 * @module
 */

/** All that is on a volume; dr-syncer's own folder is none of it. */
export interface Contents {
  readonly orders: number;
  readonly files: number;
  readonly bytes: number;
  /** Digest of the names and bytes of all files, in hexadecimal. */
  readonly sha256: string;
}

const WORDS = /(\d+) orders, (\d+) files, (\d+) bytes, sha256 ([0-9a-f]{64})/;

/** Finds the words in a text; undefined when they are not in it. */
export function readContents(text: string): Contents | undefined {
  const [, orders, files, bytes, sha256] = text.match(WORDS) ?? [];
  if (sha256 === undefined) return undefined;
  return { orders: Number(orders), files: Number(files), bytes: Number(bytes), sha256 };
}

/** For people: `61.4 MiB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1_024) return `${bytes} B`;
  const [size, unit] = bytes < 1_048_576 ? [bytes / 1_024, "KiB"] : [bytes / 1_048_576, "MiB"];
  return `${size.toFixed(1)} ${unit}`;
}

/** A row of the table in which both ends stand below each other. */
export function formatContents(where: string, contents: Contents | null): string {
  if (contents === null) return `  ${where.padEnd(8)}nothing was read`;
  const { orders, files, bytes, sha256 } = contents;
  const counts = `${String(orders).padStart(6)}  ${String(files).padStart(5)}  ${formatBytes(bytes).padStart(9)}`;
  return `  ${where.padEnd(8)}${counts}  ${sha256}`;
}

/** The head of that table. */
export const CONTENTS_HEAD = `  ${"WHERE".padEnd(8)}ORDERS  FILES       SIZE  SHA-256 OF ALL NAMES AND BYTES`;
