import assert from "node:assert/strict";
import { MissingRequirement } from "./go.ts";
import { type Machine, planPackages } from "./packages.ts";

const machine: Machine = { os: "linux", isRoot: true, hasApt: true, missing: ["runc", "buildah"] };

Deno.test("what is missing is installed by root where there is apt, and nothing when nothing is missing", () => {
  assert.deepEqual(planPackages(machine), ["runc", "buildah"]);
  assert.deepEqual(planPackages({ ...machine, missing: [] }), []);
  assert.deepEqual(planPackages({ ...machine, hasApt: false, missing: [] }), []);
});

const refused: [string, Partial<Machine>, RegExp][] = [
  ["no Linux", { os: "darwin" }, /^Cannot run nodes on darwin: use Linux$/],
  ["no root", { isRoot: false }, /^Cannot run nodes without being root: run this as root$/],
  ["no apt", { hasApt: false }, /^Cannot run nodes as programs are missing: install what Debian calls runc, buildah$/],
];

for (const [name, difference, message] of refused) {
  Deno.test(`one sentence says what to do: ${name}`, () => {
    assert.throws(() => planPackages({ ...machine, ...difference }), (error: Error) => {
      assert.ok(error instanceof MissingRequirement);
      assert.match(error.message, message);
      return true;
    });
  });
}
