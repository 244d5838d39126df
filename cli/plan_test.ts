import assert from "node:assert/strict";
import type { Plan, ReplicationPlan } from "../crds/plan.ts";
import { VerbError } from "./output.ts";
import { formatPlan, givenObjects, planExitCode } from "./plan.ts";

const GUIDE = new URL("../docs/guide/plan.md", import.meta.url);

/** A block of the guide by its info string. */
async function blockOf(info: string): Promise<string> {
  const text = await Deno.readTextFile(GUIDE);
  const found = new RegExp(`^\`\`\`${info}\n([\\s\\S]*?)^\`\`\`$`, "m").exec(text)?.[1];
  assert.ok(found, `no block ${info}`);
  return found;
}

function planWith(plan: Partial<ReplicationPlan>): Plan {
  const summary = { create: 0, update: 0, adopt: 0, recreate: 0, delete: 0, orphan: 0, blocked: 0, unchanged: 0 };
  const header = { replication: "a/b", source: "(own cluster)/s", destination: "dr/s", summary };
  return { replications: [{ ...header, changes: [], errors: [], notes: [], ...plan }] };
}

Deno.test("the table of the guide is the JSON of the guide", async () => {
  const plan = JSON.parse(await blockOf("text json")) as Plan;
  assert.equal(formatPlan(plan, "table"), await blockOf("text plan"));
});

Deno.test("a table tells errors, notes, and what DR could not judge; words of servers stay in one line", () => {
  const plan = planWith({
    errors: ["no\nanswer"],
    notes: ["paused"],
    changes: [
      { action: "create", group: "", kind: "ConfigMap", name: "a", checked: false },
      { action: "orphan", group: "", kind: "PersistentVolumeClaim", name: "b" },
      { action: "update", group: "", kind: "ConfigMap", name: "c", fields: [{ path: "data.x", to: "y".repeat(100) }] },
    ],
  });
  assert.deepEqual(formatPlan(plan, "table").split("\n"), [
    "Replication a/b: (own cluster)/s → dr/s",
    "  error: no answer",
    "  note: paused",
    "  ACTION  KIND                   NAME  DETAIL",
    "  create  ConfigMap              a     not judged by the DR cluster yet: what it needs, or its place, comes first",
    "  orphan  PersistentVolumeClaim  b     its source is gone; this kind is never deleted, only marked",
    `  update  ConfigMap              c     data.x: (absent) → "${"y".repeat(59)}…`,
    "",
  ]);
});

Deno.test("exit codes: nothing to do, something to do, something wrong", () => {
  const change = { action: "blocked", group: "", kind: "ConfigMap", name: "a" } as const;
  assert.equal(planExitCode(planWith({})), 0);
  assert.equal(planExitCode(planWith({ changes: [change] })), 2);
  assert.equal(planExitCode(planWith({ changes: [change], errors: ["no"] })), 1);
});

Deno.test("given objects are completed as the API server does, and go to the control namespace", () => {
  const apiVersion = "dr-syncer.io/v1alpha1";
  const { replications, remoteClusters } = givenObjects([
    {
      file: "a",
      value: {
        apiVersion,
        kind: "Replication",
        metadata: { name: "a" },
        spec: { destinationCluster: "dr", sourceNamespace: "a" },
      },
    },
    {
      file: "a",
      value: {
        apiVersion,
        kind: "RemoteCluster",
        metadata: { name: "dr", namespace: "b" },
        spec: { kubeconfigSecretRef: { name: "k" } },
      },
    },
  ], "control");
  assert.equal(replications[0]?.metadata.namespace, "control");
  assert.equal(replications[0]?.spec.deletion.budget.count, 3);
  assert.deepEqual([remoteClusters[0]?.metadata.namespace, remoteClusters[0]?.spec.kubeconfigSecretRef.key], [
    "b",
    "kubeconfig",
  ]);
});

const apiVersion = "dr-syncer.io/v1alpha1";
const refused: [what: string, value: unknown, told: RegExp][] = [
  ["another kind", { apiVersion: "v1", kind: "Secret", metadata: { name: "k" } }, /a: Secret k cannot be planned/],
  ["text", "text", /a document without kind without name cannot be planned/],
  ["a Replication of another group", { apiVersion: "x/v1", kind: "Replication", metadata: { name: "k" } }, /cannot be/],
  ["an unknown field", {
    apiVersion,
    kind: "Replication",
    metadata: { name: "k" },
    spec: { destinationCluster: "dr", sourceNamespace: "a", sorce: 1 },
  }, /Replication k is invalid: spec: .*sorce/],
  [
    "a missing one",
    { apiVersion, kind: "RemoteCluster", metadata: { name: "k" }, spec: {} },
    /spec\.kubeconfigSecretRef/,
  ],
];

for (const [what, value, told] of refused) {
  Deno.test(`a given object that cannot be planned: ${what}`, () => {
    assert.throws(() => givenObjects([{ file: "a", value }], "control"), (error: unknown) => {
      assert.ok(error instanceof VerbError);
      assert.match(error.message, told);
      return true;
    });
  });
}
