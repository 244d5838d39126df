/**
 * Tables for people.
 *
 * @module
 */

/** Lines of a table with a heading; columns are as wide as they need to be, the last one is not padded. */
export function formatTable(heading: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [heading, ...rows];
  const widths = heading.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  return all.map((row) =>
    row.map((cell, column) => column === heading.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)).join("  ")
      .trimEnd()
  );
}
