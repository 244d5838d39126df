import assert from "node:assert/strict";
import { allow, deny, parseReview, toHint } from "./review.ts";

const RESOURCE = { group: "apps", version: "v1", resource: "deployments" };
const REQUEST = {
  uid: "u1",
  resource: RESOURCE,
  name: "web",
  namespace: "shop",
  operation: "UPDATE",
  userInfo: { username: "alice" },
  object: { metadata: { name: "web" } },
  oldObject: { metadata: { name: "web" } },
  dryRun: false,
};
const HINT = {
  ...RESOURCE,
  subresource: "",
  namespace: "shop",
  name: "web",
  operation: "UPDATE",
  dryRun: false,
  userName: "alice",
};

const HINTS: [string, Record<string, unknown>, unknown][] = [
  ["an update", {}, HINT],
  ["a scale", { subResource: "scale" }, { ...HINT, subresource: "scale" }],
  ["a generated name", { operation: "CREATE", name: "" }, { ...HINT, operation: "CREATE" }],
  ["a generated name that is left out", { operation: "CREATE", name: undefined }, { ...HINT, operation: "CREATE" }],
  ["one object of a collection", { operation: "DELETE", name: "", object: null }, { ...HINT, operation: "DELETE" }],
  ["a collection without objects", { name: "", object: null, oldObject: null }, { ...HINT, name: "" }],
  ["no user", { userInfo: undefined }, { ...HINT, userName: "" }],
  ["a dry run", { dryRun: true }, undefined],
  ["a cluster-scoped object", { namespace: undefined }, undefined],
];

for (const [name, change, expected] of HINTS) {
  Deno.test(`hint: ${name}`, () => {
    const parsed = parseReview({ request: { ...REQUEST, ...change } });
    assert.ok(parsed.ok);
    assert.deepEqual(toHint(parsed.request), expected);
  });
}

const BROKEN: [string, unknown, string, RegExp][] = [
  ["nothing", undefined, "", /no request/],
  ["a list", [], "", /no request/],
  ["a text as request", { request: "x" }, "", /no request/],
  ["no uid", { request: { ...REQUEST, uid: 7 } }, "", /uid/],
  ["no resource", { request: { ...REQUEST, resource: [] } }, "u1", /resource/],
  ["an unknown operation", { request: { ...REQUEST, operation: "READ" } }, "u1", /operation is unknown: "READ"/],
];

for (const [name, review, uid, problem] of BROKEN) {
  Deno.test(`not a review: ${name}`, () => {
    const parsed = parseReview(review);
    assert.ok(!parsed.ok);
    assert.equal(parsed.uid, uid);
    assert.match(parsed.problem, problem);
  });
}

Deno.test("answers carry uid, verdict, all reasons, and warnings an API server passes on", () => {
  assert.deepEqual(allow("u").response, { uid: "u", allowed: true });
  assert.deepEqual(deny("u", ["a", "b"]).response, {
    uid: "u",
    allowed: false,
    status: { code: 422, reason: "Invalid", message: "a; b" },
  });
  const warnings = allow("u", Array<string>(40).fill("w".repeat(300))).response.warnings ?? [];
  assert.equal(warnings.length, 16);
  assert.ok(warnings.every((warning) => warning.length === 256 && warning.endsWith("…")));
});
