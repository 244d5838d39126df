import assert from "node:assert/strict";
import fc from "fast-check";
import { parseReview, toHint } from "./review.ts";
import { parseForHint, parseHead } from "./review_head.ts";

const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** A review in the order in which API servers write it. */
function review(parts: { name: string; userInfo: unknown; object: unknown; oldObject?: unknown }): unknown {
  const { name, userInfo, object, oldObject = null } = parts;
  const kind = { group: "", version: "v1", kind: "ConfigMap" };
  const resource = { group: "", version: "v1", resource: "configmaps" };
  const request = { uid: "u", kind, resource, name, namespace: "n", operation: "UPDATE", userInfo, object, oldObject };
  return { kind: "AdmissionReview", apiVersion: "admission.k8s.io/v1", request: { ...request, dryRun: false } };
}

const FILLER = "x".repeat(40_000);

Deno.test("the head of a large review tells the same hint as the whole, whatever is in it", () => {
  const name = fc.oneof(fc.string({ minLength: 1 }), fc.constantFrom('","object":', "\\", '{"object":1}', "é,\u2028"));
  const userInfo = fc.record({
    username: fc.oneof(fc.string(), fc.constant(',"object":{}')),
    extra: fc.dictionary(fc.constantFrom("object", "a,b", '"'), fc.array(fc.string())),
  });
  fc.assert(fc.property(name, userInfo, fc.jsonValue(), (aName, aUser, data) => {
    const whole = review({ name: aName, userInfo: aUser, object: { FILLER, data }, oldObject: data });
    const head = parseForHint(encode(whole));
    assert.equal((head as { request: Record<string, unknown> }).request.object, undefined, "the object was parsed");
    assert.deepEqual(hintOf(head), hintOf(JSON.parse(JSON.stringify(whole))));
  }));
});

function hintOf(value: unknown): unknown {
  const parsed = parseReview(value);
  assert.ok(parsed.ok);
  return toHint(parsed.request);
}

Deno.test("a head that does not suffice is left to the whole", () => {
  const user = { username: "a" };
  const unnamed = review({ name: "", userInfo: user, object: { data: FILLER, metadata: { name: "made-1" } } });
  assert.equal(parseHead(encode(unnamed)), undefined);
  assert.equal((hintOf(parseForHint(encode(unnamed))) as { name: string }).name, "made-1");
  const objectFirst = {
    request: {
      object: { FILLER },
      ...(review({ name: "a", userInfo: user, object: {} }) as { request: object }).request,
    },
  };
  assert.equal((hintOf(parseForHint(encode(objectFirst))) as { name: string }).name, "a");
  const longHead = review({ name: "a", userInfo: { username: "a", groups: Array(9_000).fill("group") }, object: {} });
  assert.equal(parseHead(encode(longHead)), undefined);
  assert.equal((hintOf(parseForHint(encode(longHead))) as { name: string }).name, "a");
});

Deno.test("what is not JSON throws, cut short at any place or not UTF-8", () => {
  const body = encode(review({ name: "a", userInfo: {}, object: { FILLER } }));
  for (const cut of [0, 1, 50, 300, 16_000]) assert.throws(() => parseForHint(body.subarray(0, cut)), SyntaxError);
  const broken = body.slice();
  broken[20] = 0xff;
  assert.throws(() => parseForHint(broken), TypeError);
});
