/**
 * Golden cases: `golden/<case>.in.json` is an object as a server returned it, `golden/<case>[.<variant>].out.json` what
 * becomes of it. `deno test -RW golden_test.ts -- --update` writes the outputs anew: read the difference before keeping it.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { KubeObject } from "../../kube/types.ts";
import { type Desired, desired, type DesiredContext } from "./desired.ts";
import { contextFor, GOLDEN_DIRECTORY, readGoldenSources } from "./testing.ts";

const UPDATE = Deno.args.includes("--update");

/** Other contexts, and the cases that differ under them. */
const VARIANTS: readonly { name: string; context: Partial<DesiredContext>; cases: readonly string[] }[] = [
  {
    name: "renamed",
    context: { destinationNamespace: "shop-dr" },
    cases: [
      "config_map",
      "custom_resource",
      "deployment",
      "http_route",
      "network_policy",
      "reference_grant",
      "role_binding",
      "secret",
    ],
  },
  {
    name: "running",
    context: { scaleToZero: false },
    cases: [
      "cron_job",
      "daemon_set",
      "deployment",
      "deployment_scale_override",
      "job",
      "scaled_object",
      "stateful_set",
    ],
  },
  {
    name: "adapted",
    context: {
      adaptation: {
        imageRewrites: [
          { from: "registry.example.com", to: "mirror.example.org/live" },
          { from: "docker.io/library", to: "mirror.example.org/hub" },
        ],
        storageClassMappings: [{ from: "gp3", to: "premium" }, { from: "*", to: "standard" }],
        accessModeMappings: [{ from: "ReadWriteOnce", to: "ReadWriteMany" }],
        ingressHostMappings: [{ from: "*.example.com", to: "*.dr.example.com" }],
      },
    },
    cases: [
      "claim_bound",
      "claim_of_stateful_set",
      "cron_job",
      "deployment",
      "http_route",
      "ingress",
      "scaled_job",
      "stateful_set",
    ],
  },
  {
    name: "overridden",
    context: {
      adaptation: {
        overrides: [
          {
            name: "replicas",
            match: { kind: "*", labelSelector: { matchLabels: { "app.kubernetes.io/instance": "shop" } } },
            jsonPatch: [
              { op: "replace", path: "/spec/replicas", value: 7 },
              { op: "replace", path: "/spec/template/spec/containers/0/env/0/value", value: "db.dr.example.com" },
            ],
          },
          {
            name: "issuer",
            match: { kind: "*", name: "web" },
            jsonPatch: [{ op: "add", path: "/metadata/annotations/cert-manager.io~1cluster-issuer", value: "dr" }],
          },
          {
            name: "schedule",
            match: { kind: "*", name: "rep*" },
            jsonPatch: [
              { op: "replace", path: "/spec/schedule", value: "0 5 * * *" },
              { op: "add", path: "/spec/suspend", value: false },
            ],
          },
          {
            name: "misfit",
            match: { kind: "*", name: "settings" },
            jsonPatch: [{ op: "replace", path: "/data/missing", value: "x" }],
          },
        ],
      },
    },
    cases: ["config_map", "cron_job", "deployment", "ingress"],
  },
  { name: "helm", context: { helmReleases: "Mirror" }, cases: ["secret_helm_release"] },
  { name: "no_rbac", context: { rbacObjects: "Skip" }, cases: ["role", "role_binding"] },
];

for (const [name, source] of readGoldenSources()) {
  Deno.test(`golden: ${name}`, () => compareWithFile(`${name}.out.json`, source, {}));
  for (const variant of VARIANTS.filter((variant) => variant.cases.includes(name))) {
    Deno.test(`golden: ${name}, ${variant.name}`, () => {
      compareWithFile(`${name}.${variant.name}.out.json`, source, variant.context);
    });
  }
}

function compareWithFile(fileName: string, source: KubeObject, context: Partial<DesiredContext>): void {
  const file = new URL(fileName, GOLDEN_DIRECTORY);
  const result = describe(desired(source, contextFor(source, context)));
  if (UPDATE) Deno.writeTextFileSync(file, JSON.stringify(result, null, 2) + "\n");
  assert.deepEqual(result, JSON.parse(Deno.readTextFileSync(file)));
}

/** The hash is in the object's annotation. */
function describe(result: Desired): unknown {
  if (result.kind === "invalid") return { invalid: result.message };
  return result.kind === "skip"
    ? { skip: result.reason, message: result.message }
    : { object: result.object, reports: result.reports };
}

Deno.test("golden: every output has a case", () => {
  const expected = new Set([...readGoldenSources().keys()].flatMap((name) => [
    `${name}.in.json`,
    `${name}.out.json`,
    ...VARIANTS.filter((variant) => variant.cases.includes(name)).map((variant) => `${name}.${variant.name}.out.json`),
  ]));
  const found = [...Deno.readDirSync(GOLDEN_DIRECTORY)].map((entry) => entry.name);
  assert.deepEqual(found.filter((name) => !expected.has(name)), []);
});
