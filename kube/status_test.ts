import assert from "node:assert/strict";
import type { KubeErrorReason, KubeStatus } from "./errors.ts";
import { type FailedAnswer, kubeErrorOf } from "./status.ts";

function answer(httpStatus: number, status: KubeStatus | string, more: Partial<FailedAnswer> = {}): FailedAnswer {
  const bodyText = typeof status === "string"
    ? status
    : JSON.stringify({ kind: "Status", code: httpStatus, ...status });
  return { action: "test it", httpStatus, bodyText, retryAfter: null, nowEpochMs: 0, ...more };
}

Deno.test("each answer has its reason", () => {
  const cases: [number, KubeStatus | string, KubeErrorReason][] = [
    [404, { details: { name: "x" } }, "NotFound"],
    [404, { details: {} }, "KindMissing"],
    [404, "404 page not found\n", "KindMissing"],
    [409, { reason: "AlreadyExists" }, "AlreadyExists"],
    [409, { reason: "Conflict" }, "Conflict"],
    [410, { reason: "Expired" }, "Gone"],
    [422, {}, "Invalid"],
    [400, {}, "BadRequest"],
    [405, {}, "BadRequest"],
    [403, {}, "Forbidden"],
    [401, {}, "Unauthorized"],
    [429, {}, "Throttled"],
    [413, {}, "TooLarge"],
    [500, {}, "ServerError"],
    [500, { message: "etcdserver: request is too large" }, "TooLarge"],
    [504, {}, "ServerError"],
    [502, "<html>bad gateway</html>", "Unavailable"],
    [503, {}, "Unavailable"],
    [302, "", "BadResponse"],
  ];
  for (const [httpStatus, status, reason] of cases) {
    const error = kubeErrorOf(answer(httpStatus, status));
    assert.deepEqual([error.reason, error.httpStatus], [reason, httpStatus]);
  }
});

Deno.test("the message says action and the server's words; a page of a load balancer is not repeated", () => {
  assert.equal(kubeErrorOf(answer(403, { message: "no" })).message, "Cannot test it: no");
  assert.equal(kubeErrorOf(answer(404, "404 page not found\n")).message, "Cannot test it: 404 page not found");
  assert.equal(kubeErrorOf(answer(502, "<html><p>long</p></html>")).message, "Cannot test it: HTTP 502");
  assert.equal(kubeErrorOf(answer(400, "{not json")).message, "Cannot test it: HTTP 400");
});

Deno.test("the server's wait comes from the header, or else from the Status", () => {
  assert.equal(kubeErrorOf(answer(429, {}, { retryAfter: "7" })).retryAfterMs, 7_000);
  const date = new Date(5_000).toUTCString();
  assert.equal(kubeErrorOf(answer(503, {}, { retryAfter: date, nowEpochMs: 2_000 })).retryAfterMs, 3_000);
  assert.equal(kubeErrorOf(answer(429, { details: { retryAfterSeconds: 2 } })).retryAfterMs, 2_000);
  assert.equal(kubeErrorOf(answer(429, {}, { retryAfter: "soon" })).retryAfterMs, undefined);
});

Deno.test("what quotes the request is left out of message and Status", () => {
  const cause = (message: string, field = "spec.template") => ({ reason: "FieldValueInvalid", message, field });
  const pod = '{"spec":{"env":[{"value":"hush"}]}}';
  const refusals: [KubeStatus, boolean, RegExp][] = [
    [
      {
        message: `Job.batch "x" is invalid: spec.template: Invalid value: ${pod}: field is immutable`,
        details: { kind: "Job", name: "x", causes: [cause(`Invalid value: ${pod}: field is immutable`)] },
      },
      false,
      /Job "x" is invalid: spec.template: Invalid value: \(not shown\): field is immutable/,
    ],
    [
      {
        message: `invalid: Invalid value: core.PodSpec{Password:"hush"}: no`,
        details: { causes: [cause('Invalid value: core.PodSpec{Password:"hush"}: field is immutable')] },
      },
      false,
      /not shown/,
    ],
    [{ details: { causes: [cause(`Invalid value: "${"hush".repeat(30)}": too long`)] } }, false, /not shown.*too long/],
    [
      { details: { causes: [cause('Invalid value: "hush": must be something', "data[a]")] } },
      true,
      /data\[a\].*must be/,
    ],
    [{ details: { causes: [cause('Unsupported value: "hush"', "type")] } }, true, /type: Unsupported value/],
  ];
  for (const [status, sensitive, words] of refusals) {
    const error = kubeErrorOf(answer(422, status, { sensitive }));
    assert.match(error.message, words);
    assert.ok(!JSON.stringify([error.message, error.status]).includes("hush"), error.message);
  }
  const typed =
    "failed to create typed patch object (a/b; /v1, Kind=Secret): .data.a: expected string, got &value{hush}";
  const applied = kubeErrorOf(answer(500, { message: typed }));
  assert.equal(applied.reason, "Invalid");
  assert.match(applied.message, /\.data\.a: expected string, got \(not shown\)$/);
});

Deno.test("what an admission webhook says of a secret object is not told, its name is; such an answer has no details", () => {
  const denied = { message: 'admission webhook "no.example.com" denied the request: password "hush" is too short' };
  const error = kubeErrorOf(answer(403, denied, { sensitive: true }));
  assert.match(error.message, /webhook "no\.example\.com" denied the request \(its words are not shown/);
  assert.ok(!JSON.stringify([error.message, error.status]).includes("hush"), error.message);
  assert.match(kubeErrorOf(answer(403, denied)).message, /is too short$/);
  for (const code of [400, 404, 409, 422, 500]) assert.equal(kubeErrorOf(answer(code, denied)).reason, "Forbidden");
});

Deno.test("short values stay where they tell what is wrong", () => {
  const causes = [{
    reason: "FieldValueInvalid",
    message: "Invalid value: -1: must not be negative",
    field: "spec.replicas",
  }];
  const error = kubeErrorOf(answer(422, { details: { kind: "Deployment", name: "x", causes } }));
  assert.equal(
    error.message,
    'Cannot test it: Deployment "x" is invalid: spec.replicas: Invalid value: -1: must not be negative',
  );
});
