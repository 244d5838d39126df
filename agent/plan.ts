/**
 * What a pass would do, from the output of rsync's dry run.
 *
 * @module
 */
import { createHash, type Hash } from "node:crypto";
import type { TreeCount } from "./census.ts";
import { addStatistic, completeStatistics, type TransferStats } from "./statistics.ts";

/** What a pass would do. */
export interface Plan {
  /** Everything that differs, attributes included. */
  readonly changes: number;
  /** Entries that the target lacks. */
  readonly created: number;
  /** Lengths of the files among them. */
  readonly createdBytes: number;
  /** The longest file that is there in another version. */
  readonly largestUpdateBytes: number;
  /** Entries that the source lacks. */
  readonly deletes: number;
  /** The first of them, odd bytes as `\#ooo`. */
  readonly deleteSample: readonly string[];
  /** Digest of all of them, in the order of rsync's output. */
  readonly deleteDigest: string;
  /** Files that differ although length and time are equal: only a pass that compares contents finds any. */
  readonly differing: number;
  /** The first of them. */
  readonly differingSample: readonly string[];
  readonly stats: TransferStats;
}

const SAMPLE = 20;
const DELETING = "*deleting";

/** Reads a plan line by line: a million deletes are counted, not kept. */
export class PlanReader {
  #changes = 0;
  #created = 0;
  #createdBytes = 0;
  #largestUpdateBytes = 0;
  #deletes = 0;
  #sample: string[] = [];
  #differing = 0;
  #differingSample: string[] = [];
  #digest: Hash = createHash("sha256");
  #stats: Partial<TransferStats> = {};

  /** Takes one line of the output with `PLAN_FORMAT`. */
  add(line: string): void {
    if (line.startsWith(`${DELETING} `)) return this.#addDelete(line);
    // Update type, file type, and what differs: see --itemize-changes in rsync(1).
    const match = line.match(/^([<>ch.])([fdLDS])([+.?a-zA-Z]{9}) +(\d+) (.*)$/);
    if (match === null) {
      this.#stats = addStatistic(this.#stats, line);
      return;
    }
    this.#changes++;
    const [, update, type, differences = "", size, name = ""] = match;
    // Checksum, and neither size nor time.
    if (type === "f" && differences.startsWith("c..")) this.#addDiffering(name);
    const bytes = type === "f" && update === ">" ? Number(size) : 0;
    if (differences.startsWith("+")) {
      this.#created++;
      this.#createdBytes += bytes;
    } else {
      this.#largestUpdateBytes = Math.max(this.#largestUpdateBytes, bytes);
    }
  }

  #addDiffering(name: string): void {
    this.#differing++;
    if (this.#differingSample.length < SAMPLE) this.#differingSample.push(name.slice(0, 500));
  }

  #addDelete(line: string): void {
    const name = line.slice(DELETING.length).replace(/^ +\d+ /, "");
    this.#changes++;
    this.#deletes++;
    this.#digest.update(`${name}\n`);
    if (this.#sample.length < SAMPLE) this.#sample.push(name.slice(0, 500));
  }

  /** The plan, once all lines are there. */
  finish(): Plan {
    return {
      changes: this.#changes,
      created: this.#created,
      createdBytes: this.#createdBytes,
      largestUpdateBytes: this.#largestUpdateBytes,
      deletes: this.#deletes,
      deleteSample: this.#sample,
      deleteDigest: this.#digest.digest("hex"),
      differing: this.#differing,
      differingSample: this.#differingSample,
      stats: completeStatistics(this.#stats),
    };
  }
}

/** The plan for an empty target, where a dry run would show nothing that the census has not. */
export function planOfFirstCopy({ entries, bytes, files }: TreeCount): Plan {
  return {
    ...new PlanReader().finish(),
    // An empty tree differs, too: its root has an owner and a mode.
    changes: entries + 1,
    created: entries,
    createdBytes: bytes,
    stats: completeStatistics({ entries, created: entries, transferredFiles: files, transferredBytes: bytes }),
  };
}
