import assert from "node:assert/strict";
import { KubeError } from "../kube/errors.ts";
import type { KubeObject } from "../kube/types.ts";
import { omitField, unknownFields } from "./unknown_fields.ts";

function refusal(message: string): KubeError {
  return new KubeError("Invalid", `Cannot apply: ${message}`, { httpStatus: 500, status: { message } });
}

/** As API servers 1.30 and 1.36 word them. */
const REFUSALS: readonly (readonly [string, readonly string[]])[] = [
  [
    "failed to create typed patch object (default/u1; apps/v1, Kind=Deployment): .spec.template.spec.newPod: field not declared in schema",
    [".spec.template.spec.newPod"],
  ],
  [
    "failed to create typed patch object (default/u2; /v1, Kind=ConfigMap): errors:\n  .metadata.newMeta: field not declared in schema\n  .newTop: field not declared in schema",
    [".metadata.newMeta", ".newTop"],
  ],
  [
    'failed to create typed patch object (default/i1; apps/v1, Kind=Deployment): .spec.template.spec.containers[name="a: b"].ports[containerPort=80,protocol="TCP"].newPort: field not declared in schema',
    ['.spec.template.spec.containers[name="a: b"].ports[containerPort=80,protocol="TCP"].newPort'],
  ],
  // Cut short: the rest comes with the next refusal.
  [
    "failed to create typed patch object (default/w; example.com/v1, Kind=Widget): errors:\n  .spec.map.k.with/dots.b: field not declared in schema\n  .spec.new…",
    [".spec.map.k.with/dots.b"],
  ],
  // A strict create names all of them.
  [
    'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.newTop", unknown field "spec.template.spec.containers[0].newMain"',
    [".spec.newTop", ".spec.template.spec.containers[0].newMain"],
  ],
  ['ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal object', []],
  ["failed to create typed patch object (app/web; v1, Kind=Service): .spec: expected map, got &{x}", []],
  ['Deployment.apps "web" is invalid: spec.selector: field is immutable', []],
];

for (const [message, expected] of REFUSALS) {
  Deno.test(`"${message.slice(60, 140)}" names ${expected.length} unknown fields`, () => {
    assert.deepEqual(unknownFields(refusal(message)), expected);
  });
}

const deployment: KubeObject = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", annotations: { "a.b/c": "1" } },
  spec: {
    replicas: 0,
    newTop: 1,
    selector: { matchLabels: { app: "web" }, newMatch: "x" },
    template: {
      spec: {
        resources: { limits: { cpu: "1" } },
        containers: [
          {
            name: "main",
            image: "main",
            ports: [{ containerPort: 80, name: "http", newPort: 1 }, {
              containerPort: 80,
              protocol: "UDP",
              newPort: 2,
            }],
            env: [{ name: "E", valueFrom: { newRef: { name: "x" } } }, { name: "F", value: "1", newPart: 2 }],
            securityContext: { newContext: true },
          },
          { name: "side", image: "side" },
        ],
        volumes: [{ name: "data", newSource: { size: 1 } }, { name: "tmp", emptyDir: { sizeLimit: "1", newPart: 1 } }],
        args: [[{ deep: 1, other: 2 }]],
      },
    },
    map: { "k.with/dots": { a: 1, b: 2 }, k: { "with/dots": { b: 3, c: 4 } } },
    quoted: [{ name: 'say "hi", you', extra: 1, value: 1 }],
  },
};

const pod = ".spec.template.spec";

/** [path, the parent afterwards as found by these keys, what it has then] */
const OMITTED: readonly (readonly [string, readonly (string | number)[], unknown])[] = [
  [".spec.newTop", ["spec", "replicas"], 0],
  [`${pod}.resources`, ["spec", "template", "spec", "args"], [[{ deep: 1, other: 2 }]]],
  [`${pod}.containers[name="main"].ports[containerPort=80,protocol="UDP"].newPort`, [
    "spec",
    "template",
    "spec",
    "containers",
    0,
    "ports",
  ], [{ containerPort: 80, name: "http", newPort: 1 }, { containerPort: 80, protocol: "UDP" }]],
  [`${pod}.containers[name="main"].securityContext.newContext`, [
    "spec",
    "template",
    "spec",
    "containers",
    0,
    "securityContext",
  ], {}],
  [`${pod}.containers[name="main"].env[name="F"].newPart`, ["spec", "template", "spec", "containers", 0, "env", 1], {
    name: "F",
    value: "1",
  }],
  [`${pod}.args[0][0].deep`, ["spec", "template", "spec", "args"], [[{ other: 2 }]]],
  [".spec.map.k.with/dots.a", ["spec", "map"], { "k.with/dots": { b: 2 }, k: { "with/dots": { b: 3, c: 4 } } }],
  [".spec.map.k.with/dots.c", ["spec", "map"], { "k.with/dots": { a: 1, b: 2 }, k: { "with/dots": { b: 3 } } }],
  [`${pod}.containers[name="main"].ports[containerPort=80,protocol="TCP"].newPort`, [
    "spec",
    "template",
    "spec",
    "containers",
    0,
    "ports",
  ], [{ containerPort: 80, name: "http" }, { containerPort: 80, protocol: "UDP", newPort: 2 }]],
  ['.spec.quoted[name="say \\"hi\\", you"].extra', ["spec", "quoted"], [{ name: 'say "hi", you', value: 1 }]],
];

for (const [path, keys, expected] of OMITTED) {
  Deno.test(`${path} alone is left out`, () => {
    const before = structuredClone(deployment);
    const omission = omitField(deployment, path);
    assert.equal(omission.type, "Omitted");
    assert.ok(omission.type === "Omitted");
    const at = keys.reduce<unknown>((value, key) => (value as Record<string | number, unknown>)[key], omission.object);
    assert.deepEqual(at, expected);
    assert.deepEqual(deployment, before, "the object it was asked of is as it was");
    assert.equal(JSON.stringify(omission.object).length < JSON.stringify(deployment).length, true);
  });
}

const widget = (kind: string, spec: object): KubeObject => ({
  apiVersion: "example.com/v1",
  kind,
  metadata: { name: "w" },
  spec: { ...spec },
});

/** [what, object, path, why it stays, specReplicasPath] */
const KEPT: readonly (readonly [string, KubeObject, string, RegExp, string?])[] = [
  ["a volume's only source", deployment, `${pod}.volumes[name="data"].newSource`, /mean something else/],
  [
    "an environment variable's only source",
    deployment,
    `${pod}.containers[name="main"].env[name="E"].valueFrom.newRef`,
    /mean something else/,
  ],
  ["a part of a selector", deployment, ".spec.selector.newMatch", /select something else/],
  ["a whole selector", widget("Widget", { a: 1, podSelector: {} }), ".spec.podSelector", /select something else/],
  ["replicas", deployment, ".spec.replicas", /standby quiet/],
  [
    "what holds the replicas",
    widget("Widget", { size: { replicas: 0 }, a: 1 }),
    ".spec.size",
    /quiet/,
    ".spec.size.replicas",
  ],
  ["suspend", widget("Widget", { suspend: true, a: 1 }), ".spec.suspend", /quiet/],
  ["all that an object says", widget("Widget", { a: 1 }), ".spec.a", /mean something else/],
  ["a rule of a policy", widget("NetworkPolicy", { a: 1, b: 2 }), ".spec.a", /allow or forbid/],
  ["a custom policy's", widget("AuthorizationPolicy", { a: 1, b: 2 }), ".spec.a", /allow or forbid/],
  ["a quota's", widget("ResourceQuota", { a: 1, b: 2 }), ".spec.a", /allow or forbid/],
  ["what cannot be found", deployment, ".spec.missing", /no such field/],
  [
    "what could be one of two",
    deployment,
    `${pod}.containers[name="main"].ports[containerPort=80].newPort`,
    /more than one/,
  ],
];

for (const [what, object, path, why, specReplicasPath] of KEPT) {
  Deno.test(`${what} is not left out`, () => {
    const omission = omitField(object, path, specReplicasPath);
    assert.equal(omission.type, "Kept");
    if (omission.type === "Kept") assert.match(omission.why, why);
  });
}
