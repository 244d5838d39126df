import assert from "node:assert/strict";
import { join } from "node:path";
import { FAILURE_CLASSES } from "../reconciler/failure.ts";

const root = join(import.meta.dirname ?? ".", "..");

/** Rows of the tables in docs/proofs.md: rule, suite, step. */
async function rows(): Promise<{ rule: string; suite: string; step: string }[]> {
  const text = await Deno.readTextFile(join(root, "docs/proofs.md"));
  return [...text.matchAll(/^\| (.+?) +\| `([^`]+_test\.ts)` +\| (.+?) +\|$/gm)].map(([, rule, suite, step]) => ({
    rule: rule as string,
    suite: suite as string,
    step: step as string,
  }));
}

Deno.test("every test that docs/proofs.md names exists", async () => {
  const all = await rows();
  assert.ok(all.length > 60, `only ${all.length} rows`);
  const missing: string[] = [];
  for (const { rule, suite, step } of all) {
    const text = await Deno.readTextFile(join(root, suite)).catch(() => "");
    if (!text.includes(`"${step}`)) missing.push(`${rule}: ${suite} has no "${step}"`);
  }
  assert.deepEqual(missing, []);
});

Deno.test("docs/proofs.md has every failure class", async () => {
  const proven = (await rows()).map(({ rule }) => rule);
  assert.deepEqual(FAILURE_CLASSES.filter((one) => !proven.includes(one)), []);
});
