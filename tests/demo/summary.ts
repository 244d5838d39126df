/**
 * The sum of a round.
 *
 * @module
 */
import type { Arrival } from "./arrivals.ts";
import { formatMs } from "./board.ts";
import type { Comparison } from "./comparison.ts";

/** A round for machines, as `--json` writes it. */
export interface Summary {
  readonly passed: boolean;
  readonly changes: {
    readonly announced: number;
    readonly arrived: number;
    /** `Kind name: action` of what has not arrived. */
    readonly missing: readonly string[];
  };
  /** Lag in milliseconds, without starts and deletes (they wait out a grace); null when none arrived. */
  readonly lagMs: { readonly count: number; readonly p50: number; readonly p99: number; readonly max: number } | null;
  readonly arrivals: readonly {
    readonly kind: string;
    readonly name: string;
    readonly action: string;
    readonly lagMs: number | null;
    readonly note: string;
  }[];
  /** Both namespaces side by side; null when a cluster did not answer. */
  readonly namespace: Comparison | null;
}

/** Sums up a round. */
export function sumUp(arrivals: readonly Arrival[], namespace: Comparison | null): Summary {
  const missing = arrivals.filter(({ state }) => state === "pending");
  const counted = arrivals.filter(({ change }) => change.graceMs === undefined && !change.isStart);
  const lags = counted.flatMap((arrival) => arrival.state === "arrived" ? [arrival.lagMs] : []).sort((a, b) => a - b);
  return {
    passed: arrivals.length > 0 && missing.length === 0 && namespace !== null && namespace.missing.length === 0,
    changes: {
      announced: arrivals.length,
      arrived: arrivals.length - missing.length,
      missing: missing.map(({ change }) => `${change.kind} ${change.name}: ${change.action}`),
    },
    lagMs: lags.length === 0
      ? null
      : { count: lags.length, p50: percentile(lags, 50), p99: percentile(lags, 99), max: percentile(lags, 100) },
    arrivals: arrivals.map((arrival) => ({
      kind: arrival.change.kind,
      name: arrival.change.name,
      action: arrival.change.action,
      lagMs: arrival.state === "arrived" ? round(arrival.lagMs) : null,
      note: arrival.state === "arrived" ? arrival.note : "",
    })),
    namespace,
  };
}

/** The smallest value that so many percent do not exceed (nearest rank); `sorted` ascends and is not empty. */
export function percentile(sorted: readonly number[], percent: number): number {
  const rank = Math.max(1, Math.ceil(sorted.length * percent / 100));
  return round(sorted[rank - 1]!);
}

/** The summary for people, a line each. */
export function formatSummary(summary: Summary): string[] {
  const { changes, lagMs, namespace } = summary;
  const lines = [`${changes.arrived} of ${changes.announced} changes arrived`];
  if (lagMs !== null) {
    const { count, p50, p99, max } = lagMs;
    lines[0] += `; the ${count} within the running mirror: p50 ${formatMs(p50)}, p99 ${formatMs(p99)}, max ${
      formatMs(max)
    }`;
  }
  for (const missing of changes.missing) lines.push(`NOT ARRIVED: ${missing}`);
  if (namespace === null) return [...lines, "The namespaces could not be compared: a cluster does not answer"];
  const kinds = Object.entries(namespace.mirrored).map(([kind, count]) => count === 1 ? kind : `${count} × ${kind}`);
  const total = Object.values(namespace.mirrored).reduce((sum, count) => sum + count, 0);
  lines.push(`${total} objects have a copy: ${kinds.join(", ")}`);
  for (const missing of namespace.missing) lines.push(`MISSING IN DR: ${missing}`);
  if (namespace.notMirrored.length > 0) lines.push("Not mirrored, on purpose:");
  for (const { kind, names, reason } of namespace.notMirrored) {
    const what = names.length === 1 ? `${kind} ${names[0]}` : `${names.length} × ${kind}`;
    lines.push(`  ${what}: ${reason}`);
  }
  return lines;
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
