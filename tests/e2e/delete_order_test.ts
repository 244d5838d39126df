/**
 * The order in which a full pass writes and deletes.
 */
import assert from "node:assert/strict";
import { waitFor } from "../wait.ts";
import { configMaps, CONTROL, numbered } from "./api.ts";
import { type SafetyScene, startSafetyScene } from "./safety.ts";

/** Kinds of the application, in the order in which a full pass writes them. */
const KINDS = [
  ["roles.rbac.authorization.k8s.io"],
  ["configmaps", "secrets"],
  ["services"],
  ["deployments.apps"],
  ["horizontalpodautoscalers.autoscaling"],
  ["ingresses.networking.k8s.io"],
];
/** More of all together than are worked on at once. */
const EACH = 8;

Deno.test("deletes that a comparison finds go the other way than creates", async (t) => {
  await using safety = await startSafetyScene({ controller: false });
  await safety.scene.startController([], "one");
  await t.step("a pass that is asked for: creates first, then deletes from the Ingress down", () => manual(safety));
  await t.step("deletes that were held, after a restart and an approval", () => approved(safety));
  await t.step("one that is refused keeps no other from going", () => refused(safety));
});

async function manual(safety: SafetyScene): Promise<void> {
  const name = "order-manual";
  const deletion = { grace: "0s", budget: { percent: 100 } };
  await safety.scene.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name } }, ...application(name)]);
  await safety.scene.replicate(name, { replicationMode: "Manual", deletion });
  await safety.source.condition("replications", name, { type: "Ready", status: "True" });
  await safety.annotate(name, "dr-syncer.io/sync-now=first");
  await safety.dr.until("configmaps", name, "app-0");
  await safety.source.until("replications", CONTROL, name, ({ status }) => status.lastManualSync === "first");
  await deleteAll(safety, name);
  await safety.scene.apply([ingress(name, "late")]);
  await safety.annotate(name, "dr-syncer.io/sync-now=second");
  await gone(safety, name);
  const operations = auditOf(safety, name);
  const late = operations.findIndex((operation) => operation === "create ingresses.networking.k8s.io late");
  const firstDelete = operations.findIndex((operation) => operation.startsWith("delete"));
  assert.ok(late !== -1 && late < firstDelete, operations.join("\n"));
  inReverse(operations);
}

async function approved(safety: SafetyScene): Promise<void> {
  const name = "order-held";
  const { scene } = safety;
  await scene.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name } }, ...application(name)]);
  await safety.mirror(name, ["more"], { deletion: { grace: "1s" } });
  await scene.controller.stop();
  await deleteAll(safety, name);
  await scene.startController([], "one");
  const hold = await safety.hold(name, "KindEmptied", (KINDS.flat().length - 1) * EACH);
  const budget = await safety.hold(name, "Budget", EACH);
  await safety.annotate(name, `dr-syncer.io/approve=${hold.id},${budget.id}`);
  await gone(safety, name);
  inReverse(auditOf(safety, name));
}

async function refused(safety: SafetyScene): Promise<void> {
  const name = "order-refused";
  const deletion = { grace: "1s", budget: { percent: 100 } };
  await safety.scene.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name } }, ...application(name)]);
  await safety.scene.replicate(name, { replicationMode: "Manual", deletion });
  await safety.source.condition("replications", name, { type: "Ready", status: "True" });
  await safety.annotate(name, "dr-syncer.io/sync-now=first");
  await safety.source.until("replications", CONTROL, name, ({ status }) => status.lastManualSync === "first");
  await safety.scene.apply(keep(name), safety.scene.dr);
  const isKept = async () => {
    const args = ["delete", "ingress", "app-0", "-n", name, "--dry-run=server"];
    return (await safety.scene.dr.kubectl(args, { allowFailure: true })).stderr.includes("Ingresses stay");
  };
  await waitFor("the policy of the DR cluster", isKept, { deadlineMs: 30_000, pollMs: 200 });
  await deleteAll(safety, name);
  await safety.annotate(name, "dr-syncer.io/sync-now=second");
  const left = async () => (await names(safety, name)).filter((key) => !key.startsWith("ingress."));
  await waitFor("all but the Ingresses gone", async () => (await left()).length === 0, {
    deadlineMs: 60_000,
    pollMs: 300,
    describe: async () => (await left()).join(" "),
  });
  assert.equal((await names(safety, name)).length, EACH);
}

/** Deletes only, and each kind's after those of all kinds that are written later. */
function inReverse(operations: readonly string[]): void {
  const deletes = operations.filter((operation) => operation.startsWith("delete ")).map((line) => line.split(" ")[1]);
  assert.equal(deletes.length, KINDS.flat().length * EACH, operations.join("\n"));
  const tiers = deletes.map((kind) => KINDS.findIndex((kinds) => kinds.includes(kind ?? "")));
  assert.deepEqual(tiers, [...tiers].sort((a, b) => b - a), operations.join("\n"));
}

/** `operation kind name` of each write in DR, in order, by all controllers so far. */
function auditOf(safety: SafetyScene, name: string): string[] {
  return safety.scene.controllers.flatMap(({ lines }) => lines)
    .filter(({ logger, properties }) => logger.includes("audit") && properties.replication === `${CONTROL}/${name}`)
    .map(({ properties }) => `${properties.operation} ${properties.kind} ${properties.name}`);
}

async function deleteAll(safety: SafetyScene, namespace: string): Promise<void> {
  const kinds = KINDS.flat().join(",");
  await safety.scene.source.kubectl(["delete", kinds, "-n", namespace, "-l", "app=web", "--wait=false"]);
}

/** Copies of the application that are left in DR. */
async function names(safety: SafetyScene, namespace: string): Promise<string[]> {
  const args = ["get", KINDS.flat().join(","), "-n", namespace, "-l", "app=web", "-o", "name"];
  return (await safety.scene.dr.kubectl(args)).stdout.split("\n").filter((line) => line !== "");
}

async function gone(safety: SafetyScene, namespace: string): Promise<void> {
  await waitFor("the application gone from DR", async () => (await names(safety, namespace)).length === 0, {
    deadlineMs: 90_000,
    pollMs: 300,
    describe: async () => (await names(safety, namespace)).join(" "),
  });
}

function application(namespace: string): object[] {
  return numbered("app", EACH).flatMap((name) => {
    const metadata = { name, namespace, labels: { app: "web" } };
    const selector = { matchLabels: { app: "web" } };
    const containers = [{ name: "web", image: "registry.example.com/web:1" }];
    const template = { metadata: { labels: { app: "web" } }, spec: { containers } };
    const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name };
    const [configMap] = configMaps(namespace, [name]);
    return [
      { ...configMap, metadata },
      { apiVersion: "v1", kind: "Secret", metadata, stringData: { key: name } },
      { apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", metadata, rules: [] },
      { apiVersion: "v1", kind: "Service", metadata, spec: { ports: [{ port: 80 }], selector: { app: "web" } } },
      { apiVersion: "apps/v1", kind: "Deployment", metadata, spec: { replicas: 1, selector, template } },
      {
        apiVersion: "autoscaling/v2",
        kind: "HorizontalPodAutoscaler",
        metadata,
        spec: { maxReplicas: 3, scaleTargetRef },
      },
      { ...ingress(namespace, name), metadata },
    ];
  });
}

function ingress(namespace: string, name: string): object {
  const spec = { defaultBackend: { service: { name: "app-0", port: { number: 80 } } } };
  return { apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata: { name, namespace }, spec };
}

/** A policy of the DR cluster by which no Ingress of a namespace is deleted. */
function keep(namespace: string): object[] {
  const rule = {
    apiGroups: ["networking.k8s.io"],
    apiVersions: ["v1"],
    operations: ["DELETE"],
    resources: ["ingresses"],
  };
  const namespaceSelector = { matchLabels: { "kubernetes.io/metadata.name": namespace } };
  return [{
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingAdmissionPolicy",
    metadata: { name: "keep-ingresses" },
    spec: {
      matchConstraints: { resourceRules: [rule], namespaceSelector },
      validations: [{ expression: "false", message: "Ingresses stay" }],
    },
  }, {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingAdmissionPolicyBinding",
    metadata: { name: "keep-ingresses" },
    spec: { policyName: "keep-ingresses", validationActions: ["Deny"] },
  }];
}
