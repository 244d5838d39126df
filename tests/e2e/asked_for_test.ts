/**
 * What is mirrored, or left behind, only for who asks for it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parse } from "yaml";
import { runVerb } from "../program.ts";
import { DELETE_FREELY } from "./scenario.ts";
import { replication, type Scene, startScene } from "./scene.ts";

const CONTROL = "dr-syncer-system";
const TOOL = "tool.example.com/";
const RELEASE = "sh.helm.release.v1.shop.v1";

Deno.test("what one has to ask for", async (t) => {
  await using scene = await startScene({ flags: ["--tracking-key", TOOL, "--tracking-key", "owner"] });
  await prepare(scene);
  await t.step("Helm's release Secrets come if the spec says so, and go again", () => releases(scene));
  await t.step("keys of another GitOps tool stay behind", () => trackingKeys(scene));
  await t.step("a plan with the same keys finds nothing to do, one without them does", () => plans(scene));
});

async function prepare(scene: Scene): Promise<void> {
  const labels = { [`${TOOL}id`]: "1", owner: "tool", team: "a" };
  const annotations = { [`${TOOL}hash`]: "1" };
  const metadata = { namespace: "shop", labels, annotations };
  await scene.apply([{
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { ...metadata, namespace: undefined, name: "shop" },
  }]);
  await scene.apply([
    { apiVersion: "v1", kind: "ConfigMap", metadata: { ...metadata, name: "settings" }, data: { a: "1" } },
    {
      apiVersion: "v1",
      kind: "Secret",
      type: "helm.sh/release.v1",
      metadata: { name: RELEASE, namespace: "shop", labels: { owner: "helm", status: "deployed" } },
      data: { release: btoa("release") },
    },
  ]);
  const spec = { destinationCluster: "dr", sourceNamespace: "shop", deletion: DELETE_FREELY };
  await scene.apply([replication("shop", spec)]);
  await scene.condition("shop", "Synced", "True");
}

async function releases(scene: Scene): Promise<void> {
  assert.equal(await scene.get(scene.dr, "secret", RELEASE, "shop"), undefined);
  const ask = (helmReleases: string) => {
    const patch = JSON.stringify({ spec: { helmReleases } });
    return scene.source.kubectl(["patch", "replication", "shop", "-n", CONTROL, "--type=merge", "-p", patch]);
  };
  await ask("Mirror");
  const copy = await scene.until(scene.dr, "secret", RELEASE, "shop");
  assert.deepEqual([copy.type, atob(copy.data.release), copy.metadata.labels.status], [
    "helm.sh/release.v1",
    "release",
    "deployed",
  ]);
  await ask("Skip");
  await scene.untilGone(scene.dr, "secret", RELEASE, "shop", 60_000);
}

async function trackingKeys(scene: Scene): Promise<void> {
  for (const [kind, name, namespace] of [["configmap", "settings", "shop"], ["namespace", "shop", ""]] as const) {
    const { metadata } = await scene.until(scene.dr, kind, name, namespace);
    assert.equal(metadata.labels.team, "a", kind);
    const keys = Object.keys({ ...metadata.labels, ...metadata.annotations });
    assert.deepEqual(keys.filter((key) => key.startsWith(TOOL) || key === "owner"), [], kind);
  }
}

async function plans(scene: Scene): Promise<void> {
  const path = `${scene.source.directory}/kubeconfig-of-plan.json`;
  await Deno.writeTextFile(path, JSON.stringify(parse(scene.source.kubeconfig)));
  const plan = (...keys: string[]) =>
    runVerb(["plan", "-r", `${CONTROL}/shop`, ...keys], { env: { KUBECONFIG: path } });
  const same = await plan("--tracking-key", TOOL, "--tracking-key", "owner");
  assert.equal(same.code, 0, `${same.stderr}\n${same.stdout}`);
  const other = await plan();
  assert.equal(other.code, 2, other.stderr);
  assert.match(other.stdout, /ConfigMap +settings/);
  assert.match(other.stdout, /Namespace +shop/);
}
