import assert from "node:assert/strict";
import { parseOptions, PARTS, UsageError } from "./options.ts";

Deno.test("without options everything is measured once, at full size", () => {
  const options = parseOptions([]);
  assert.deepEqual([...options?.parts ?? []], [...PARTS]);
  assert.equal(options?.runs, 1);
  assert.deepEqual(options?.objects, [1_000, 10_000]);
  assert.equal(options?.jsonPath, undefined);
});

Deno.test("parts, runs and the file are taken from the command line", () => {
  const options = parseOptions(["--only", "lag", "--only", "hook", "--runs", "3", "--json", "figures.json", "--quick"]);
  assert.deepEqual([...options?.parts ?? []], ["lag", "hook"]);
  assert.equal(options?.runs, 3);
  assert.equal(options?.jsonPath, "figures.json");
  assert.deepEqual(options?.objects, [1_000]);
});

Deno.test("a command line that makes no sense is refused with what would", () => {
  for (const args of [["--only", "speed"], ["--runs", "0"], ["--runs", "many"], ["--fast"], ["lag"]]) {
    assert.throws(() => parseOptions(args), UsageError, args.join(" "));
  }
  assert.throws(() => parseOptions(["--only", "speed"]), /one of lag, first, resync, memory, hook, busy, large/);
});

Deno.test("help measures nothing", () => assert.equal(parseOptions(["--help", "--only", "lag"]), undefined));
