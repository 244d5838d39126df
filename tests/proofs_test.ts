import assert from "node:assert/strict";
import { join } from "node:path";
import { FAILURE_CLASSES } from "../reconciler/failure.ts";

const root = join(import.meta.dirname ?? ".", "..");

/** Rows of the tables of a page: rule, suite, step. */
async function rows(page = "docs/proofs.md"): Promise<{ rule: string; suite: string; step: string }[]> {
  const text = await Deno.readTextFile(join(root, page));
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

Deno.test("every test that the security model names exists", async () => {
  const page = "docs/guide/security.md";
  const all = await rows(page);
  const text = await Deno.readTextFile(join(root, page));
  assert.equal(all.length, text.match(/^\|.*_test\.ts`/gm)?.length, "a row has not the shape of the others");
  const missing: string[] = [];
  for (const { rule, suite, step } of all) {
    const tests = (await Deno.readTextFile(join(root, suite)).catch(() => "")).matchAll(
      /(?:test|step)\(\s*["`](.*)["`]/g,
    );
    if (!tests.some(([, name]) => name?.includes(step))) missing.push(`${rule}: ${suite} has no "${step}"`);
  }
  assert.deepEqual(missing, []);
});

Deno.test("docs/proofs.md has every failure class", async () => {
  const proven = (await rows()).map(({ rule }) => rule);
  assert.deepEqual(FAILURE_CLASSES.filter((one) => !proven.includes(one)), []);
});
