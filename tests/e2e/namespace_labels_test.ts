/**
 * Labels and annotations of the DR Namespace: Pod Security must be right when a standby is activated. All is written by the
 * ServiceAccount that `deploy/dr-cluster` makes, under its admission policy.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parse } from "yaml";
import type { Plan } from "../../crds/plan.ts";
import { runVerb } from "../program.ts";
import { type Printed, replication, type Scene, startScene } from "./scene.ts";

const CONTROL = "dr-syncer-system";
const ENFORCE = "pod-security.kubernetes.io/enforce";
const MANAGED_BY = "dr-syncer.io/managed-by";

Deno.test("the DR Namespace follows the source's", async (t) => {
  await using scene = await startScene();
  await prepare(scene);
  await t.step("one that we made has what the source's has, and loses what that loses", () => follows(scene));
  await t.step("what DR has put there stays, what is ours is put right", () => putsRight(scene));
  await t.step("one that was there stays as it is, and that is told", () => leavesOthers(scene));
  await t.step("unless it may be adopted", () => adopts(scene));
  await t.step("an activated one is left alone, until it is a standby again", () => leavesActive(scene));
  await t.step("a plan shows what would follow", () => plans(scene));
});

function namespace(name: string, labels: Record<string, string>, annotations: Record<string, string> = {}): object {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels, annotations } };
}

async function prepare(scene: Scene): Promise<void> {
  await scene.apply([
    namespace("shop", { [ENFORCE]: "baseline", team: "a" }, { "openshift.io/sa.scc.mcs": "s0", note: "1" }),
    namespace("bank", { [ENFORCE]: "restricted", shared: "x" }),
  ]);
  await scene.dr.kubectl(["create", "namespace", "bank"]);
  await scene.dr.kubectl(["label", "namespace", "bank", `${ENFORCE}=privileged`, "theirs=x", "shared=x"]);
  const to = (name: string) => replication(name, { destinationCluster: "dr", sourceNamespace: name });
  await scene.apply([to("shop"), to("bank")]);
  for (const name of ["shop", "bank"]) await scene.condition(name, "Synced", "True");
}

/** Waits until the DR Namespace has labels (and annotations) as told; undefined: none. */
function untilHas(scene: Scene, name: string, labels: Record<string, string | undefined>): Promise<Printed> {
  return scene.until(scene.dr, "namespace", name, "", ({ metadata }) => {
    return Object.entries(labels).every(([key, value]) => metadata.labels[key] === value);
  });
}

async function follows(scene: Scene): Promise<void> {
  await untilHas(scene, "shop", { [ENFORCE]: "baseline", team: "a" });
  await scene.source.kubectl(["annotate", "namespace", "shop", "note=2", "--overwrite"]);
  await scene.source.kubectl(["label", "namespace", "shop", `${ENFORCE}=restricted`, "team-", "--overwrite"]);
  const { metadata } = await untilHas(scene, "shop", { [ENFORCE]: "restricted", team: undefined });
  assert.equal(metadata.annotations.note, "2");
  assert.equal(metadata.annotations["openshift.io/sa.scc.mcs"], undefined);
}

async function putsRight(scene: Scene): Promise<void> {
  await scene.dr.kubectl(["label", "namespace", "shop", `${ENFORCE}=privileged`, "theirs=x", "--overwrite"]);
  const now = `dr-syncer.io/sync-now=${Date.now()}`;
  await scene.source.kubectl(["annotate", "replication", "shop", "-n", CONTROL, now, "--overwrite"]);
  await untilHas(scene, "shop", { [ENFORCE]: "restricted", theirs: "x" });
}

async function leavesOthers(scene: Scene): Promise<void> {
  const { metadata: before } = await scene.get(scene.dr, "namespace", "bank");
  await scene.source.kubectl(["label", "namespace", "bank", "more=x"]);
  const { status } = await scene.until(scene.source, "replication", "bank", CONTROL, ({ status }) => {
    return status.reports?.some(({ kind }: Printed) => kind === "Namespace");
  });
  const report = status.reports.find(({ kind }: Printed) => kind === "Namespace");
  assert.equal(report.reason, "NamespaceNotOurs");
  assert.match(report.message, /pod-security\.kubernetes\.io\/enforce.*conflictPolicy: Adopt/);
  const { metadata } = await scene.get(scene.dr, "namespace", "bank");
  assert.equal(metadata.resourceVersion, before.resourceVersion);
}

async function adopts(scene: Scene): Promise<void> {
  const spec = JSON.stringify({ spec: { conflictPolicy: "Adopt" } });
  await scene.source.kubectl(["patch", "replication", "bank", "-n", CONTROL, "--type=merge", "-p", spec]);
  const { metadata } = await untilHas(scene, "bank", { [ENFORCE]: "restricted", more: "x", theirs: "x", shared: "x" });
  assert.ok(metadata.labels[MANAGED_BY]);
  await scene.source.kubectl(["label", "namespace", "bank", "shared-", "more-"]);
  await untilHas(scene, "bank", { shared: undefined, more: undefined, theirs: "x", [ENFORCE]: "restricted" });
  await scene.until(scene.source, "replication", "bank", CONTROL, ({ status }) => {
    return !status.reports?.some(({ kind }: Printed) => kind === "Namespace");
  });
}

async function leavesActive(scene: Scene): Promise<void> {
  const role = (value: string) =>
    scene.dr.kubectl(["annotate", "lease", "dr-syncer", "-n", "shop", `dr-syncer.io/role=${value}`, "--overwrite"]);
  await role("Active");
  await scene.condition("shop", "Ready", "False", "NotStandby");
  const { metadata: before } = await scene.get(scene.dr, "namespace", "shop");
  for (const name of ["shop", "bank"]) await scene.source.kubectl(["label", "namespace", name, "late=x"]);
  await untilHas(scene, "bank", { late: "x" });
  assert.equal((await scene.get(scene.dr, "namespace", "shop")).metadata.resourceVersion, before.resourceVersion);
  await role("Standby");
  await scene.until(scene.dr, "namespace", "shop", "", ({ metadata }) => metadata.labels.late === "x", 60_000);
}

async function plans(scene: Scene): Promise<void> {
  const pause = JSON.stringify({ spec: { paused: true } });
  await scene.source.kubectl(["patch", "replication", "shop", "-n", CONTROL, "--type=merge", "-p", pause]);
  await scene.condition("shop", "Ready", "False", "Paused");
  await scene.source.kubectl(["label", "namespace", "shop", `${ENFORCE}=baseline`, "late-", "--overwrite"]);
  const path = `${scene.source.directory}/kubeconfig-of-plan.json`;
  await Deno.writeTextFile(path, JSON.stringify(parse(scene.source.kubeconfig)));
  const result = await runVerb(["plan", "-r", `${CONTROL}/shop`, "-o", "json"], { env: { KUBECONFIG: path } });
  assert.equal(result.code, 2, result.stderr);
  const { changes } = (JSON.parse(result.stdout) as Plan).replications[0] ?? { changes: [] };
  const row = changes.find(({ kind }) => kind === "Namespace");
  assert.deepEqual([row?.action, row?.name], ["update", "shop"]);
  const paths = row?.fields?.map(({ path }) => path) ?? [];
  assert.ok(paths.some((path) => path.includes(ENFORCE)) && paths.some((path) => path.includes("late")), `${paths}`);
  assert.equal((await scene.get(scene.dr, "namespace", "shop")).metadata.labels[ENFORCE], "restricted");
}
