import assert from "node:assert/strict";
import fc from "fast-check";
import { matchesGlob } from "./glob.ts";

/** The same as a regular expression, which may take long. */
function reference(pattern: string, name: string): boolean {
  const source = [...pattern].map((c) => c === "*" ? ".*" : c === "?" ? "." : c.replace(/\W/, "\\$&")).join("");
  return new RegExp(`^${source}$`).test(name);
}

Deno.test("a pattern takes what its regular expression would", () => {
  const pattern = fc.string({ unit: fc.constantFrom("a", "b", "*", "?", "."), maxLength: 8 });
  const name = fc.string({ unit: fc.constantFrom("a", "b", "."), maxLength: 12 });
  fc.assert(
    fc.property(pattern, name, (pattern, name) => {
      assert.equal(matchesGlob(pattern, name), reference(pattern, name), `${pattern} ${name}`);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("a name stands for itself, and only for itself", () => {
  assert.ok(matchesGlob("web", "web"));
  assert.ok(!matchesGlob("web", "web-2"));
  assert.ok(!matchesGlob("web", "my-web"));
  assert.ok(!matchesGlob("web.v1", "web-v1"));
  assert.ok(matchesGlob("*", "anything"));
});
