import assert from "node:assert/strict";
import fc from "fast-check";
import { KubeError, type KubeErrorReason, type KubeStatus } from "../kube/errors.ts";
import { backOffMs, classify, type FailureClass, isImmutable, overrideFailure, remedyOf } from "./failure.ts";

function refused(reason: KubeErrorReason, words: string, details?: KubeStatus["details"]): KubeError {
  return new KubeError(reason, `Cannot apply configmaps app/web: ${words}`, { status: { message: words, details } });
}

/** Messages as API servers 1.30 to 1.36 word them. */
const table: { words: string; reason: KubeErrorReason; details?: KubeStatus["details"]; expected: FailureClass }[] = [
  { reason: "Unreachable", words: "connection refused", expected: "Unreachable" },
  { reason: "Timeout", words: "no answer within 30000 ms", expected: "Unreachable" },
  { reason: "Unavailable", words: "the server is currently unable to handle the request", expected: "Unreachable" },
  { reason: "Throttled", words: "too many requests", expected: "Throttled" },
  { reason: "KindMissing", words: "404 page not found", expected: "KindMissing" },
  {
    reason: "NotFound",
    words: 'namespaces "app" not found',
    details: { kind: "namespaces", name: "app" },
    expected: "NamespaceMissing",
  },
  {
    reason: "NotFound",
    words: 'configmaps "web" not found',
    details: { kind: "configmaps", name: "web" },
    expected: "Transient",
  },
  {
    reason: "Forbidden",
    words:
      'configmaps "web" is forbidden: unable to create new content in namespace app because it is being terminated',
    expected: "NamespaceTerminating",
  },
  {
    reason: "Forbidden",
    words: 'pods "web" is forbidden: exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3',
    expected: "Quota",
  },
  {
    reason: "Forbidden",
    words:
      'persistentvolumeclaims "d" is forbidden: maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi',
    expected: "Quota",
  },
  {
    reason: "Forbidden",
    words: 'pods "web" is forbidden: minimum cpu usage per Container is 100m, but request is 50m',
    expected: "Quota",
  },
  {
    reason: "Forbidden",
    words:
      'configmaps "web" is forbidden: User "system:serviceaccount:dr:x" cannot patch resource "configmaps" in API group ""',
    expected: "Forbidden",
  },
  { reason: "Forbidden", words: 'admission webhook "no.example.com" denied the request: not here', expected: "Denied" },
  {
    reason: "BadRequest",
    words: 'admission webhook "no.example.com" denied the request: not here',
    expected: "Denied",
  },
  {
    reason: "Invalid",
    words: `configmaps "web" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no`,
    expected: "Denied",
  },
  ...(["KindMissing", "Conflict", "Throttled", "ServerError"] as const).map((reason) => ({
    reason,
    words: 'admission webhook "no.example.com" denied the request: exceeded quota of the house',
    expected: "Denied" as const,
  })),
  { reason: "Unauthorized", words: "Unauthorized", expected: "Forbidden" },
  {
    reason: "Forbidden",
    words: 'pods "web" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false',
    expected: "Denied",
  },
  { reason: "BadRequest", words: "the object provided is unrecognized", expected: "Invalid" },
  {
    reason: "Invalid",
    words:
      'Deployment.apps "web" is invalid: spec.selector: Invalid value: {"matchLabels":{"a":"b"}}: field is immutable',
    expected: "Immutable",
  },
  {
    reason: "Invalid",
    words:
      `StatefulSet.apps "db" is invalid: spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template' are forbidden`,
    expected: "Immutable",
  },
  {
    reason: "Invalid",
    words: 'Service "web" is invalid: spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set',
    expected: "Immutable",
  },
  {
    reason: "Invalid",
    words: 'RoleBinding.rbac.authorization.k8s.io "b" is invalid: roleRef: Invalid value: {}: cannot change roleRef',
    expected: "Immutable",
  },
  {
    reason: "Invalid",
    words:
      'PersistentVolumeClaim "d" is invalid: spec.resources.requests.storage: Forbidden: field can not be less than status.capacity',
    expected: "Immutable",
  },
  {
    reason: "Forbidden",
    words:
      'persistentvolumeclaims "d" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
    expected: "Immutable",
  },
  {
    reason: "Invalid",
    words: 'ConfigMap "web" is invalid: data[a b]: Invalid value: "a b": a valid key must',
    expected: "Invalid",
  },
  {
    reason: "ServerError",
    words:
      "failed to create typed patch object (app/web; v1, Kind=Service): .spec.trafficDistribution: field not declared in schema",
    expected: "FieldUnknown",
  },
  {
    reason: "Invalid",
    words: "failed to create typed patch object (app/web; v1, Kind=Service): .spec.new: field not declared in schema",
    expected: "FieldUnknown",
  },
  {
    reason: "ServerError",
    words: 'Internal error occurred: failed calling webhook "x": deadline exceeded',
    expected: "Transient",
  },
  { reason: "TooLarge", words: "Request entity too large: limit is 3145728", expected: "Invalid" },
  { reason: "Conflict", words: "the object has been modified", expected: "Transient" },
];

for (const { words, reason, details, expected } of table) {
  Deno.test(`${reason}, "${words.slice(0, 90)}" is ${expected}`, () => {
    const failure = classify(refused(reason, words, details));
    assert.equal(failure.failureClass, expected);
    assert.ok(failure.message.length > 0 && remedyOf(failure).length > 0);
  });
}

/** [what the server says, causes, whether only another object would do] */
const immutables: [string, string, { field: string; message: string }[], boolean][] = [
  ["a field that is immutable", "x", [{ field: "type", message: 'Invalid value: "b": field is immutable' }], true],
  ["one of two fields", "x", [
    { field: "type", message: 'Invalid value: "b": field is immutable' },
    { field: "data[a b]", message: 'Invalid value: "a b": a valid key must' },
  ], false],
  ["a field by that name", "x: immutable", [{ field: "immutable", message: "Required value" }], false],
  ["a value by that name", "x", [{ field: "spec.mode", message: 'Unsupported value: "immutable"' }], false],
  ["no field at all", "this is immutable", [], false],
  [
    "a field by that name, of another type",
    "failed to create typed patch object (app/web; /v1, Kind=Secret): .immutable: expected boolean, got &{x}",
    [],
    false,
  ],
];

for (const [what, words, causes, expected] of immutables) {
  Deno.test(`a copy is ${expected ? "" : "not "}created anew when the server refuses ${what}`, () => {
    const error = refused("Invalid", words, {
      causes: causes.map((cause) => ({ reason: "FieldValueInvalid", ...cause })),
    });
    assert.equal(isImmutable(error), expected);
    if (!expected && what.includes("by that name")) assert.equal(classify(error).failureClass, "Invalid");
  });
}

Deno.test("the remedy is that of the case where the class does not say it", () => {
  const words =
    "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize";
  assert.match(remedyOf(classify(refused("Forbidden", words))), /set allowVolumeExpansion on the StorageClass in DR/);
  assert.match(remedyOf(classify(refused("Forbidden", "x"))), /grant the DR credential/);
  assert.match(remedyOf(overrideFailure("x")), /correct the override/);
});

Deno.test("what is no answer of a server is transient, with its words", () => {
  assert.deepEqual(classify(new Error("odd")), { failureClass: "Transient", message: "odd" });
  assert.equal(classify("odd").message, "odd");
});

const CANARY = "hunter2-CANARY";

/** How servers put a value into a message; `%` stands for it. */
const shapes = [
  'data.password: Invalid value: "%": must be shorter',
  'data.password: Invalid value: "quoted \\"%\\" twice": must be shorter',
  'spec: Invalid value: {"env":[{"name":"P","value":"%"}]}: field is immutable',
  'spec: Invalid value: {"env":[{"name":"P","value":"a: b; % }"}]}: field is immutable',
  'spec.args: Invalid value: []string{"user:%"}: too many',
  'spec.args: Invalid value: ["user: %; x"]: too many',
  'spec: Invalid value: core.PodTemplateSpec{Env:[]core.EnvVar{core.EnvVar{Name:"P", Value:"%"}}}: field is immutable',
  'spec.policy: Unsupported value: "%": supported values: "Always", "Never"',
  'spec.names[1]: Duplicate value: "%"',
  'spec.items: Duplicate value: {"name":"%"}',
  'spec.ref: Not found: "%"',
  'data: Invalid value: "line one\n%": must be one line',
  "failed to create typed patch object (app/web; v1, Kind=Secret): .data: expected map, got &{%}",
  'failed to create typed patch object (app/web; v1, Kind=Secret): .data.a: expected string, got &value.valueUnstructured{Value:"%"}',
  'Secret in version "v1" cannot be handled: ReadString: expects ", error found in #10 byte of ...|:"%"},"kind":"Se|..., bigger context ...|"%"|...',
];

Deno.test("no value of an object gets into a message, whatever shape the server gives it", () => {
  const shape = fc.constantFrom(...shapes);
  const reasons = fc.constantFrom<KubeErrorReason>("Invalid", "BadRequest", "Forbidden", "ServerError", "Conflict");
  const prefix = fc.constantFrom("", 'Secret "s" is invalid: ', 'Deployment.apps "web" is invalid: ');
  fc.assert(
    fc.property(
      fc.array(shape, { minLength: 1, maxLength: 3 }),
      reasons,
      prefix,
      fc.boolean(),
      (all, reason, head, causes) => {
        const words = all.map((text) => text.replaceAll("%", CANARY));
        const details = causes
          ? {
            kind: "Secret",
            causes: words.map((message) => ({ field: "data", message, reason: "FieldValueInvalid" })),
          }
          : undefined;
        const { message } = classify(refused(reason, head + words.join(", "), details));
        assert.ok(!message.includes(CANARY), message);
        assert.ok(message.length <= 1024 && message.length > 10);
      },
    ),
    { numRuns: 1_000 },
  );
});

Deno.test("the words around a value stay", () => {
  const causes = [
    { field: "metadata.labels", message: 'Invalid value: "a b": a valid label must be alphanumeric' },
    { field: "spec.replicas", message: "Invalid value: -1: must be greater than or equal to 0" },
    { field: "data", message: "Too long: may not be more than 1048576 bytes" },
    { field: "spec.name", message: "Required value" },
  ];
  const { message } = classify(refused("Invalid", "…", { kind: "ConfigMap", causes }));
  assert.equal(
    message,
    "ConfigMap is invalid in DR: metadata.labels: Invalid value: a valid label must be alphanumeric; " +
      "spec.replicas: Invalid value: must be greater than or equal to 0; " +
      "data: Too long: may not be more than 1048576 bytes; spec.name: Required value",
  );
});

Deno.test("retries wait longer each time, within bounds, and at least as long as the server asks", () => {
  const failure = { failureClass: "Transient" as const, message: "" };
  fc.assert(fc.property(fc.nat(1_000), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempts, random) => {
    const delayMs = backOffMs(failure, attempts, () => random);
    const ceilingMs = Math.min(60_000, 200 * 2 ** Math.min(attempts, 20));
    assert.ok(delayMs >= ceilingMs / 2 && delayMs <= ceilingMs, `${delayMs} of ${ceilingMs}`);
  }));
  assert.equal(backOffMs({ ...failure, retryAfterMs: 90_000 }, 0, () => 0.5), 90_000);
});

Deno.test("a throttled call carries what the server asked for", () => {
  const error = new KubeError("Throttled", "Cannot apply: slow down", { retryAfterMs: 7_000 });
  assert.deepEqual(classify(error), {
    failureClass: "Throttled",
    message: "Cannot apply: slow down",
    retryAfterMs: 7_000,
  });
});
