/**
 * Which single objects a Replication mirrors, as its spec says: `labelSelector` and `excludeObjects`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { customDefinition } from "../custom_definition.ts";
import { waitFor } from "../wait.ts";
import { Api, conditionOf } from "./api.ts";
import { ClusterView } from "./cluster_view.ts";
import { type Printed, replication, type Scene, startScene } from "./scene.ts";

const DELETION = { grace: "1s", budget: { count: 100, percent: 100 } };
const DEADLINE_MS = 60_000;

interface Stage {
  readonly scene: Scene;
  readonly source: Api;
  readonly dr: ClusterView;
}

Deno.test("a Replication mirrors the objects that its spec selects", async (t) => {
  await using scene = await startScene();
  using source = new Api(scene.source);
  using dr = new ClusterView(scene.dr);
  const stage: Stage = { scene, source, dr };
  await t.step("what the labels and the names select arrives, nothing else", () => selects(stage));
  await t.step("an object that ceases to match goes, one that begins to arrives", () => followsLabels(stage));
  await t.step("an object that is excluded later goes, one that is not excluded any more arrives", () => edits(stage));
  await t.step("a Pod that is not selected is not told as missing", () => podsAreSelected(stage));
  await t.step("a malformed selector is denied", () => malformed(stage));
  await t.step("an excluded object of an unknown kind is told", () => unknownKind(stage));
});

const MIRRORED = { mirror: "yes" };

function object(kind: string, name: string, labels: Record<string, string> = MIRRORED, apiVersion = "v1"): object {
  return { apiVersion, kind, metadata: { name, namespace: "select", labels } };
}

/** Waits until exactly these copies are in DR. */
async function copiesAre(dr: ClusterView, namespace: string, expected: readonly string[]): Promise<void> {
  const names = async () => [...(await dr.copies(namespace)).keys()].sort();
  const wanted = [...expected].sort();
  await waitFor(`the copies ${wanted.join(", ")}`, async () => {
    return JSON.stringify(await names()) === JSON.stringify(wanted);
  }, { deadlineMs: DEADLINE_MS, describe: async () => (await names()).join(", ") });
}

async function selects({ scene, dr }: Stage): Promise<void> {
  await scene.replicate("select", {
    labelSelector: { matchLabels: MIRRORED, matchExpressions: [{ key: "local", operator: "DoesNotExist" }] },
    excludeObjects: [{ kind: "CM", name: "cache-*" }, { kind: "lamps.example.org", name: "dim" }],
    deletion: DELETION,
  });
  await scene.apply([customDefinition({ kind: "Lamp", group: "example.org", shortNames: ["lp"] })]);
  await scene.source.kubectl(["wait", "--for=condition=Established", "crd/lamps.example.org", "--timeout=30s"]);
  await scene.apply([
    object("ConfigMap", "one"),
    object("ConfigMap", "unlabelled", {}),
    object("ConfigMap", "local", { ...MIRRORED, local: "true" }),
    object("ConfigMap", "cache-1"),
    object("Secret", "cache-1"),
    object("Secret", "two"),
    object("Lamp", "bright", MIRRORED, "example.org/v1"),
    object("Lamp", "dim", MIRRORED, "example.org/v1"),
  ]);
  await copiesAre(dr, "select", ["ConfigMap/one", "Secret/cache-1", "Secret/two", "Lamp/bright"]);
  const { status } = await scene.condition("select", "Synced", "True");
  assert.equal(status.syncStats.totalResources, 4, "what is not selected is not counted");
}

async function followsLabels({ scene, dr }: Stage): Promise<void> {
  await scene.source.kubectl(["label", "configmap", "one", "-n", "select", "mirror-"]);
  await scene.source.kubectl(["label", "configmap", "unlabelled", "-n", "select", "mirror=yes"]);
  await copiesAre(dr, "select", ["ConfigMap/unlabelled", "Secret/cache-1", "Secret/two", "Lamp/bright"]);
}

async function edits({ scene, dr }: Stage): Promise<void> {
  await patch(scene, "select", { excludeObjects: [{ kind: "secrets", name: "cache-?" }] });
  await copiesAre(dr, "select", [
    "ConfigMap/unlabelled",
    "ConfigMap/cache-1",
    "Secret/two",
    "Lamp/bright",
    "Lamp/dim",
  ]);
}

async function podsAreSelected({ scene, source }: Stage): Promise<void> {
  const pod = (name: string, labels: Record<string, string>) => ({
    ...object("Pod", name, labels),
    spec: { containers: [{ name: "main", image: "example.com/main" }] },
  });
  await scene.source.kubectl(["create", "serviceaccount", "default", "-n", "select"], { allowFailure: true });
  await scene.apply([pod("bare", MIRRORED), pod("other", {})]);
  await scene.source.kubectl([
    "annotate",
    "replications.dr-syncer.io",
    "select",
    "-n",
    "dr-syncer-system",
    "dr-syncer.io/sync-now=1",
  ]);
  const { status } = await source.until(
    "replications",
    "dr-syncer-system",
    "select",
    ({ status }) => status.reports.some(({ kind }: Printed) => kind === "Pod"),
  );
  assert.deepEqual(status.reports.map(({ name }: Printed) => name), ["bare"]);
}

async function malformed({ scene }: Stage): Promise<void> {
  const labelSelector = { matchExpressions: [{ key: "app", operator: "In" }] };
  const manifest = JSON.stringify(
    replication("malformed", { destinationCluster: "dr", sourceNamespace: "malformed", labelSelector }),
  );
  const said = await waitFor("a denial", async () => {
    const args = ["apply", "--dry-run=server", "-f", "-"];
    const { code, stderr } = await scene.source.kubectl(args, { stdin: manifest, allowFailure: true });
    return code !== 0 && stderr;
  }, { deadlineMs: DEADLINE_MS });
  assert.match(said, /spec\.labelSelector\.matchExpressions\[0\]\.values: \(empty\): operator In needs at least one/);
}

async function unknownKind({ scene, source, dr }: Stage): Promise<void> {
  await patch(scene, "select", { excludeObjects: [{ kind: "gizmos", name: "x" }] });
  const wanted = { type: "Valid", status: "False", reason: "TypeUnknown" } as const;
  const found = await source.condition("replications", "select", wanted);
  assert.match(conditionOf(found, "Valid").message, /spec\.excludeObjects\[0\]\.kind: "gizmos"/);
  await scene.apply([object("ConfigMap", "still")]);
  await waitFor("what is right goes on", async () => (await dr.copies("select")).has("ConfigMap/still"), {
    deadlineMs: DEADLINE_MS,
  });
}

async function patch(scene: Scene, name: string, spec: object): Promise<void> {
  const args = ["patch", "replications.dr-syncer.io", name, "-n", "dr-syncer-system", "--type=merge"];
  await scene.source.kubectl([...args, "-p", JSON.stringify({ spec })]);
}
