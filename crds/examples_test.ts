import assert from "node:assert/strict";
import { Ajv } from "ajv";
import { parse, parseAllDocuments } from "yaml";
import * as z from "zod";
import type { KubeObject } from "../kube/types.ts";
import { crdManifests } from "./manifests.ts";
import { toStructuralSchema } from "./openapi.ts";
import { remoteCluster } from "./schema/remote_cluster.ts";
import { replication } from "./schema/replication.ts";
import type { RemoteCluster, Replication } from "./types.ts";
import { validateReplication, type World } from "./validate.ts";

const DR: RemoteCluster = {
  apiVersion: "dr-syncer.io/v1alpha1",
  kind: "RemoteCluster",
  metadata: { name: "dr", namespace: "dr-syncer-system" },
  spec: { kubeconfigSecretRef: { name: "dr-kubeconfig", key: "kubeconfig" } },
};
const WORLD: World = {
  controlNamespace: "dr-syncer-system",
  tenantMode: false,
  remoteClusters: new Map([["dr", DR]]),
  replications: [],
  now: new Date("2026-01-02T00:00:00Z"),
};

const EXAMPLES = new URL("../deploy/examples/", import.meta.url);

async function readExamples(): Promise<[string, KubeObject][]> {
  const examples: [string, KubeObject][] = [];
  for await (const { name } of Deno.readDir(EXAMPLES)) {
    const text = await Deno.readTextFile(new URL(name, EXAMPLES));
    examples.push(...parseAllDocuments(text).map((document): [string, KubeObject] => [name, document.toJS()]));
  }
  return examples;
}

/** The fragments of a Replication that a page of the guide shows, each completed with what is required. */
async function readGuide(page: string): Promise<KubeObject[]> {
  const text = await Deno.readTextFile(new URL(`../docs/guide/${page}`, import.meta.url));
  return [...text.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, fragment]) => ({
    apiVersion: "dr-syncer.io/v1alpha1",
    kind: "Replication",
    metadata: { name: "shop", namespace: "dr-syncer-system" },
    ...parse(fragment as string),
    spec: { destinationCluster: "dr", ...sourceOf(parse(fragment as string).spec) },
  }));
}

function sourceOf(spec: Record<string, unknown>): Record<string, unknown> {
  return "sourceNamespaceSelector" in spec ? spec : { sourceNamespace: "shop", ...spec };
}

/** The OpenAPI schema of a kind from its CRD, with unknown fields refused as strict field validation does. */
function strictSchema(kind: string): object {
  const crd = crdManifests().find(({ spec }) => (spec as { names: { kind: string } }).names.kind === kind);
  assert.ok(crd, `no CRD for ${kind}`);
  const { versions } = crd.spec as { versions: { schema: { openAPIV3Schema: object } }[] };
  return JSON.parse(JSON.stringify(versions[0]!.schema.openAPIV3Schema), (_, value) => {
    return value?.type === "object" && value.properties ? { ...value, additionalProperties: false } : value;
  });
}

Deno.test("every example fits the schema of its kind, defaults and all", async () => {
  const ajv = new Ajv({ strict: false, formats: { int64: true, "date-time": true }, useDefaults: true });
  const examples = await readExamples();
  assert.ok(examples.length >= 5);
  for (const [file, example] of examples) {
    const validate = ajv.compile(strictSchema(example.kind));
    assert.ok(validate(example), `${file}: ${ajv.errorsText(validate.errors)}`);
  }
});

Deno.test("every example of the guide fits the schema, and can be honoured", async () => {
  const ajv = new Ajv({ strict: false, formats: { int64: true, "date-time": true }, useDefaults: true });
  const validate = ajv.compile(strictSchema("Replication"));
  const pages = await Promise.all(["overrides.md", "namespaces.md", "volumes.md"].map(readGuide));
  assert.ok(pages.every((examples) => examples.length >= 1));
  for (const example of pages.flat()) {
    const text = JSON.stringify(example.spec);
    assert.ok(validate(example), `${text}: ${ajv.errorsText(validate.errors)}`);
    assert.deepEqual(validateReplication(example as Replication, WORLD), { denials: [], warnings: [] }, text);
  }
});

Deno.test("the check of the examples finds an unknown field, a wrong value and a missing one", async () => {
  const ajv = new Ajv({ strict: false, formats: { int64: true, "date-time": true } });
  const [, good] = (await readExamples()).find(([file]) => file === "continuous.yaml")!;
  const validate = ajv.compile(strictSchema("Replication"));
  const spec = good.spec as Record<string, unknown>;
  for (
    const change of [{ sorceNamespace: "x" }, { crds: "Always" }, { deletion: { grace: "1d" } }, {
      sourceNamespace: "",
    }]
  ) {
    assert.equal(validate({ ...good, spec: { ...spec, ...change } }), false, JSON.stringify(change));
  }
  assert.equal(validate({ ...good, spec: { sourceNamespace: "shop" } }), false);
});

Deno.test("zod and the generated schema fill in the same defaults", () => {
  const kinds: [z.ZodType, object][] = [
    [replication, { spec: { destinationCluster: "dr", sourceNamespace: "a" }, status: { resourceStatus: [] } }],
    [remoteCluster, { spec: { kubeconfigSecretRef: { name: "a" } } }],
  ];
  for (const [schema, input] of kinds) {
    const ajv = new Ajv({ strict: false, formats: { int64: true, "date-time": true }, useDefaults: true });
    const filled = structuredClone(input);
    assert.ok(ajv.compile(toStructuralSchema(schema))(filled));
    assert.deepEqual(filled, schema.parse(input));
  }
});
