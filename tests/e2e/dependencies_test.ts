/**
 * What copies need of the DR cluster and mirroring does not bring is told, until it is there.
 *
 * @module
 */
import assert from "node:assert/strict";
import { conditionOf } from "./api.ts";
import { deployment } from "./refusals.ts";
import { type SafetyScene, startSafetyScene } from "./safety.ts";
import type { Printed } from "./scene.ts";

const NAME = "needs";
/** Classes are read again every 30 s while one is missing. */
const DEADLINE_MS = 90_000;

function claim(name: string, storageClassName: string): object {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name, namespace: NAME },
    spec: { storageClassName, accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  };
}

const INGRESS = {
  apiVersion: "networking.k8s.io/v1",
  kind: "Ingress",
  metadata: { name: "web", namespace: NAME },
  spec: {
    ingressClassName: "outside",
    defaultBackend: { service: { name: "web", port: { number: 80 } } },
  },
};

const CLASSES = {
  "StorageClass fast": { apiVersion: "storage.k8s.io/v1", kind: "StorageClass", provisioner: "example.com/none" },
  "IngressClass outside": {
    apiVersion: "networking.k8s.io/v1",
    kind: "IngressClass",
    spec: { controller: "example.com/none" },
  },
  "PriorityClass high": { apiVersion: "scheduling.k8s.io/v1", kind: "PriorityClass", value: 10 },
  "RuntimeClass sandbox": { apiVersion: "node.k8s.io/v1", kind: "RuntimeClass", handler: "none" },
};

function classes(...names: (keyof typeof CLASSES)[]): object[] {
  return names.map((name) => ({ ...CLASSES[name], metadata: { name: name.split(" ")[1] } }));
}

async function told({ source }: SafetyScene, reason: string, names: readonly string[] = []): Promise<string> {
  const find = (object: Printed) => conditionOf(object, "DependenciesMissing");
  const object = await source.until("replications", "dr-syncer-system", NAME, (object) => {
    const found = find(object);
    return found?.reason === reason && names.every((name) => found.message.includes(name));
  }, DEADLINE_MS);
  return find(object).message;
}

Deno.test("classes that DR lacks", async (t) => {
  await using safety = await startSafetyScene();
  const { scene } = safety;
  await t.step("are told with who names them and what to do, and do not keep copies away", async () => {
    await scene.replicate(NAME);
    // The pass that reads classes for what it found is over: the first name after it is what has them read.
    await safety.source.condition("replications", NAME, { type: "Synced", status: "True" });
    await told(safety, "None");
    await scene.apply([
      claim("data", "fast"),
      claim("more", "fast"),
      INGRESS,
      deployment(NAME, "web", { priorityClassName: "high", runtimeClassName: "sandbox" }),
    ]);
    const message = await told(safety, "ClassMissing", Object.keys(CLASSES));
    assert.match(message, /StorageClass fast \(persistentvolumeclaims\/(data|more) and 1 more\)/);
    assert.match(message, /create them in DR/);
    await safety.source.condition("replications", NAME, { type: "Synced", status: "True" });
  });
  await t.step("are told no more once they are there", async () => {
    await scene.apply(classes("StorageClass fast", "PriorityClass high", "RuntimeClass sandbox"), scene.dr);
    await told(safety, "ClassMissing", ["would hang: IngressClass outside (ingresses.networking.k8s.io/web):"]);
    await scene.apply(classes("IngressClass outside"), scene.dr);
    await told(safety, "None");
  });
  await t.step("are told when the first copy names them, and no more when none does", async () => {
    await scene.apply([deployment(NAME, "web", { priorityClassName: "later" })]);
    await told(safety, "ClassMissing", ["PriorityClass later (deployments.apps/web)"]);
    await scene.apply([deployment(NAME, "web", { priorityClassName: "high" })]);
    await told(safety, "None");
  });
  await t.step("are told of a claim that keeps its class in DR, whatever the source says now", async () => {
    await scene.apply([claim("late", "later")]);
    await told(safety, "ClassMissing", ["StorageClass later (persistentvolumeclaims/late)"]);
    await scene.source.kubectl(["label", "pvc", "late", "-n", NAME, "dr-syncer.io/storage-class=fast"]);
    await safety.source.until(
      "replications",
      "dr-syncer-system",
      NAME,
      ({ status }) => status.reports.some(({ reason }: Printed) => reason === "KeptInDR"),
    );
    await told(safety, "ClassMissing", ["StorageClass later (persistentvolumeclaims/late)"]);
    await scene.dr.kubectl(["delete", "pvc", "late", "-n", NAME, "--wait=false"]);
    const unprotected = '{"metadata":{"finalizers":null}}';
    await scene.dr.kubectl(["patch", "pvc", "late", "-n", NAME, "--type=merge", "-p", unprotected]);
    await told(safety, "None");
  });
});
