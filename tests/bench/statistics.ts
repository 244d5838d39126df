/**
 * Figures of many samples.
 *
 * @module
 */

/** The value below or at which `share` (0 to 1) of the values lie (nearest rank); NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) return NaN;
  const sorted = values.toSorted((a, b) => a - b);
  const rank = Math.ceil(share * sorted.length);
  return sorted[Math.min(sorted.length, Math.max(1, rank)) - 1] as number;
}

/** The value in the middle; of an even number of values, the mean of the two. NaN of none. */
export function median(values: readonly number[]): number {
  if (values.length === 0) return NaN;
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [(sorted.length - 1) >> 1, sorted.length >> 1].map((index) => sorted[index] as number);
  return ((low as number) + (high as number)) / 2;
}

/** Median of each number of results that have the same shape; a part that some lack is taken from those that have it. */
export function medians<T>(results: readonly T[]): T {
  const [first] = results;
  if (typeof first === "number") return median(results as unknown as number[]) as T;
  if (typeof first !== "object" || first === null) return first as T;
  const keys = new Set(results.flatMap((result) => Object.keys(result as object)));
  const part = (key: string) =>
    results.map((result) => (result as Record<string, unknown>)[key]).filter((value) => value !== undefined);
  const entries = [...keys].map((key) => [key, medians(part(key))] as const);
  const combined = Object.fromEntries(entries);
  return (Array.isArray(first) ? Object.values(combined) : combined) as T;
}
