/**
 * Definitions of custom resources under `crds: Sync`, and at which version objects are mirrored meanwhile; from the oldest
 * supported source into the newest DR cluster.
 *
 * @module
 */
import assert from "node:assert/strict";
import { untilEqual } from "./compare.ts";
import { deployment } from "./refusals.ts";
import { type SafetyScene, startSafetyScene } from "./safety.ts";
import type { Printed } from "./scene.ts";

const NAME = "defined";
const CRD = "widgets.example.com";
const CONTROL = "dr-syncer-system";
const DEADLINE_MS = 90_000;
const TEXT = { type: "string" };

interface Version {
  readonly name: string;
  readonly fields: readonly string[];
  readonly storage?: boolean;
  readonly served?: boolean;
}

function definition(versions: readonly Version[], name = "widgets", conversion?: object): object {
  const kind = name === "widgets" ? "Widget" : "Gadget";
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${name}.example.com` },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { kind, plural: name },
      ...(conversion === undefined ? {} : { conversion }),
      versions: versions.map(({ name, fields, storage = false, served = true }) => ({
        name,
        served,
        storage,
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: { type: "object", properties: Object.fromEntries(fields.map((field) => [field, TEXT])) },
            },
          },
        },
      })),
    },
  };
}

function object(kind: string, version: string, name: string, spec: object): object {
  return { apiVersion: `example.com/${version}`, kind, metadata: { name, namespace: NAME }, spec };
}

const V1 = { name: "v1", fields: ["size", "colour"], storage: true };
const V1BETA1 = { name: "v1beta1", fields: ["size", "colour"] };

Deno.test("crds: Sync, from Kubernetes 1.30 to 1.36", async (t) => {
  await using safety = await startSafetyScene({ source: { version: "1.30" } });
  await t.step("what a namespace usually holds arrives, changes and goes", () => mainPath(safety));
  await t.step("a definition that DR lacks is created, and follows the source's", () => follows(safety));
  await t.step("an edit of it is put right", () => putRight(safety));
  await t.step("a version that comes is served in DR, and objects follow the storage version", () => versions(safety));
  await t.step("a version that goes is told, and stays in DR", () => lost(safety));
  await t.step("one that DR has from somebody else stays as it is, and is told", () => foreign(safety));
  await t.step("at the version that DR stores, no conversion webhook is asked", () => conversion(safety));
});

async function mainPath(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  const name = "main-path";
  const map = (data: object) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "map", namespace: name },
    data,
  });
  const secret = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "secret", namespace: name },
    stringData: { a: "1" },
  };
  const service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: name },
    spec: { selector: { app: "web" }, ports: [{ port: 80 }] },
  };
  await scene.replicate(name, { deletion: { grace: "0s" } });
  await scene.apply([map({ a: "1" }), secret, service, deployment(name, "web")]);
  await untilEqual(scene.source, scene.dr, name, DEADLINE_MS, "after creates");
  await scene.apply([map({ b: "2" })]);
  await scene.source.kubectl(["scale", "deployment/web", "-n", name, "--replicas=4"]);
  await untilEqual(scene.source, scene.dr, name, DEADLINE_MS, "after updates");
  await scene.source.kubectl(["delete", "service", "web", "-n", name]);
  await untilEqual(scene.source, scene.dr, name, DEADLINE_MS, "after a delete");
}

async function establish({ scene }: SafetyScene, crd: object, cluster = scene.source): Promise<void> {
  await scene.apply([crd], cluster);
  const { name } = (crd as Printed).metadata;
  await cluster.kubectl(["wait", "--for=condition=Established", `crd/${name}`]);
}

async function definitionInDr({ scene }: SafetyScene, condition: (crd: Printed) => boolean): Promise<Printed> {
  return await scene.until(scene.dr, "crd", CRD, "default", condition, DEADLINE_MS);
}

function fieldsOf(crd: Printed, version = "v1beta1"): string[] {
  const found = crd.spec.versions.find(({ name }: Printed) => name === version);
  return Object.keys(found?.schema.openAPIV3Schema.properties.spec.properties ?? {}).sort();
}

async function follows(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  await establish(safety, definition([{ name: "v1beta1", fields: ["size"], storage: true }]));
  await scene.replicate(NAME, { crds: "Sync" });
  await scene.apply([object("Widget", "v1beta1", "wheel", { size: "1" })]);
  await scene.until(scene.dr, "widget", "wheel", NAME, undefined, DEADLINE_MS);
  // The API server holds back each POST for 2 s while the definition is young.
  const { stdout } = await scene.dr.kubectl([
    "get",
    "widget",
    "wheel",
    "-n",
    NAME,
    "-o",
    "json",
    "--show-managed-fields",
  ]);
  const ours = JSON.parse(stdout).metadata.managedFields.filter(({ manager }: Printed) => manager === "dr-syncer");
  assert.deepEqual(ours.map(({ operation }: Printed) => operation), ["Apply"], "it was not posted");
  await establish(safety, definition([{ ...V1BETA1, storage: true }]));
  await definitionInDr(safety, (crd) => fieldsOf(crd).join() === "colour,size");
  await scene.apply([object("Widget", "v1beta1", "wheel", { size: "1", colour: "red" })]);
  await scene.until(scene.dr, "widget", "wheel", NAME, ({ spec }) => spec.colour === "red", DEADLINE_MS);
  await safety.source.condition("replications", NAME, { type: "Synced", status: "True" });
}

async function putRight(safety: SafetyScene): Promise<void> {
  const patch = '[{"op":"remove","path":"/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/colour"}]';
  await safety.scene.dr.kubectl(["patch", "crd", CRD, "--type=json", "-p", patch]);
  await definitionInDr(safety, (crd) => fieldsOf(crd).join() === "colour,size");
}

async function versions(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  await establish(safety, definition([V1, V1BETA1]));
  await definitionInDr(
    safety,
    ({ spec }) => spec.versions.some(({ name, storage }: Printed) => name === "v1" && storage),
  );
  await scene.apply([object("Widget", "v1", "cog", { size: "2" })]);
  // What was applied at v1 is known to its field manager by that version.
  await scene.until(
    scene.dr,
    "widgets.v1.example.com",
    "cog",
    NAME,
    ({ metadata, spec }) => spec.size === "2" && metadata.managedFields === undefined,
    DEADLINE_MS,
  );
  const { stdout } = await scene.dr.kubectl([
    "get",
    "widget",
    "cog",
    "-n",
    NAME,
    "-o",
    "json",
    "--show-managed-fields",
  ]);
  const managers = JSON.parse(stdout).metadata.managedFields.map(({ apiVersion }: Printed) => apiVersion);
  assert.deepEqual(managers, ["example.com/v1"]);
}

async function lost(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  // What is written is stored at v1 from then on.
  await scene.apply([object("Widget", "v1", "wheel", { size: "1", colour: "blue" })]);
  await scene.until(scene.dr, "widget", "wheel", NAME, ({ spec }) => spec.colour === "blue", DEADLINE_MS);
  const stored = (await scene.get(scene.dr, "crd", CRD)).status.storedVersions;
  assert.deepEqual(stored, ["v1beta1", "v1"]);
  await scene.source.kubectl([
    "patch",
    "crd",
    CRD,
    "--subresource=status",
    "--type=merge",
    "-p",
    '{"status":{"storedVersions":["v1"]}}',
  ]);
  const before = await scene.get(scene.dr, "crd", CRD);
  await establish(safety, definition([V1]));
  const { status } = await safety.source.until(
    "replications",
    CONTROL,
    NAME,
    ({ status }) => status.failures?.some(({ name }: Printed) => name === CRD),
  );
  const found = status.failures.find(({ name }: Printed) => name === CRD);
  assert.deepEqual([found.kind, found.class], ["CustomResourceDefinition", "Invalid"]);
  assert.match(found.message, /no version v1beta1 any more, at which DR still stores objects: migrate/);
  await safety.source.condition("replications", NAME, {
    type: "Synced",
    status: "False",
    reason: "DefinitionOutdated",
  });
  assert.deepEqual(await scene.get(scene.dr, "crd", CRD), before);
  await scene.apply([object("Widget", "v1", "cog", { size: "3" })]);
  await scene.until(scene.dr, "widget", "cog", NAME, ({ spec }) => spec.size === "3", DEADLINE_MS);
  // What the message asks for.
  const migrated = '{"status":{"storedVersions":["v1"]}}';
  await scene.dr.kubectl(["patch", "crd", CRD, "--subresource=status", "--type=merge", "-p", migrated]);
  await scene.dr.kubectl(["patch", "crd", CRD, "--type=json", "-p", '[{"op":"remove","path":"/spec/versions/1"}]']);
  await safety.source.condition("replications", NAME, { type: "Synced", status: "True" });
}

async function foreign(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  const theirs = definition([{ name: "v1", fields: ["size"], storage: true }], "gadgets");
  await establish(safety, theirs, scene.dr);
  await establish(safety, definition([V1], "gadgets"));
  const { spec, metadata } = await scene.get(scene.dr, "crd", "gadgets.example.com");
  await scene.apply([object("Gadget", "v1", "one", { size: "1" })]);
  await scene.until(scene.dr, "gadget", "one", NAME, undefined, DEADLINE_MS);
  await safety.annotate(NAME, "dr-syncer.io/sync-now=foreign");
  await scene.until(
    scene.source,
    "replications.dr-syncer.io",
    NAME,
    CONTROL,
    ({ status }) =>
      status.reports?.some(({ reason, name }: Printed) =>
        reason === "DefinitionNotOurs" && name === "gadgets.example.com"
      ),
    DEADLINE_MS,
  );
  const after = await scene.get(scene.dr, "crd", "gadgets.example.com");
  assert.deepEqual([after.spec, after.metadata.resourceVersion], [spec, metadata.resourceVersion]);
}

/** In a standby nothing runs that would convert. */
async function conversion(safety: SafetyScene): Promise<void> {
  const { scene } = safety;
  const webhook = {
    strategy: "Webhook",
    webhook: {
      conversionReviewVersions: ["v1"],
      clientConfig: { service: { name: "nobody", namespace: "default" } },
    },
  };
  const stored = (version: string) =>
    definition(["v1", "v2"].map((name) => ({ name, fields: ["size"], storage: name === version })), "gizmos", webhook);
  const named = (version: string) => {
    const crd = stored(version) as Printed;
    crd.spec.names = { kind: "Gizmo", plural: "gizmos" };
    return crd;
  };
  await establish(safety, named("v1"));
  await establish(safety, named("v1"), scene.dr);
  await scene.apply([object("Gizmo", "v1", "one", { size: "1" })]);
  await scene.until(scene.dr, "gizmos.v1.example.com", "one", NAME, ({ spec }) => spec.size === "1", DEADLINE_MS);
  await safety.source.condition("replications", NAME, { type: "Synced", status: "True" });
}
