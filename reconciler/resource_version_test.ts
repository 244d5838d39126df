import assert from "node:assert/strict";
import fc from "fast-check";
import { isNewer } from "./resource_version.ts";

Deno.test("resourceVersions compare as whole numbers of any length", () => {
  const numbers = fc.bigInt({ min: 1n, max: 2n ** 100n });
  fc.assert(fc.property(numbers, numbers, (a, b) => {
    assert.equal(isNewer(`${a}`, `${b}`), a > b);
    assert.equal(isNewer(`${a}`, `${a}`), false);
  }));
});

Deno.test("what cannot be compared counts as newer: looked at rather than dropped", () => {
  const odd = [undefined, "", "0", "012", "-1", "1.5", "abc", "7a"];
  for (const text of odd) {
    assert.equal(isNewer(text, "5"), true, `${text} against 5`);
    assert.equal(isNewer("5", text), true, `5 against ${text}`);
  }
});
