import assert from "node:assert/strict";
import { MANAGED_BY, ORIGIN } from "../../crds/keys.ts";
import { formatOrigin, ownedBy, readOrigin } from "./ownership.ts";

const ORIGIN_VALUE = { cluster: "c1", namespace: "shop", name: "web", uid: "u1" };
const label = { [MANAGED_BY]: "a1b2c3d4e5f6" };
const origin = (changes: Record<string, unknown> = {}) => ({
  [ORIGIN]: JSON.stringify({ ...ORIGIN_VALUE, ...changes }),
});

/** [what, labels, annotations, verdict] */
const CASES = [
  ["label and origin", label, origin(), "ours"],
  ["an earlier uid of the source", label, origin({ uid: "u0" }), "ours"],
  ["neither", undefined, undefined, "unmanaged"],
  ["the label taken off", { app: "shop" }, origin(), "unmanaged"],
  ["another replication's label", { [MANAGED_BY]: "ffffffffffff" }, origin(), "foreign"],
  ["no origin", label, undefined, "foreign"],
  ["an origin that is no JSON", label, { [ORIGIN]: "{" }, "foreign"],
  ["an origin that is null", label, { [ORIGIN]: "null" }, "foreign"],
  ["an origin without uid", label, origin({ uid: undefined }), "foreign"],
  ["another cluster", label, origin({ cluster: "c2" }), "foreign"],
  ["another namespace", label, origin({ namespace: "shop-prod" }), "foreign"],
  ["another name", label, origin({ name: "web2" }), "foreign"],
] as const;

for (const [what, labels, annotations, verdict] of CASES) {
  Deno.test(`ownership: ${what} is ${verdict}`, () => {
    assert.equal(ownedBy({ name: "web", labels, annotations }, "a1b2c3d4e5f6", "c1", "shop", "web"), verdict);
  });
}

Deno.test("ownership: an origin is read as it was written, always in one order of keys", () => {
  const { uid, name, namespace, cluster } = ORIGIN_VALUE;
  const text = formatOrigin({ uid, name, namespace, cluster });
  assert.equal(text, '{"cluster":"c1","namespace":"shop","name":"web","uid":"u1"}');
  assert.deepEqual(readOrigin({ name: "web", annotations: { [ORIGIN]: text } }), ORIGIN_VALUE);
});
