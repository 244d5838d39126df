/**
 * What `dr-syncer convert` prints, given to a real API server with strict field validation.
 *
 * @module
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { RemoteCluster, Replication } from "../../crds/types.ts";
import { migrationExamples } from "../guide_examples.ts";
import { runVerb } from "../program.ts";
import { type Cluster, startCluster } from "../rig/cluster.ts";
import { crdManifests } from "../../crds/manifests.ts";

const FIRST_VERSION = fileURLToPath(new URL("first_version.yaml", import.meta.url));
const CRDS = fileURLToPath(new URL("../../deploy/crds", import.meta.url));
const NAMESPACE = "dr-syncer-system";

for (const version of ["1.36", "1.30"]) {
  Deno.test(`converted manifests on Kubernetes ${version}`, async (t) => {
    await using cluster = await startCluster({ name: "convert", version });
    await cluster.kubectl(["apply", "-k", CRDS]);
    const names = crdManifests().map(({ metadata }) => `crd/${metadata.name}`);
    await cluster.kubectl(["wait", "--for=condition=Established", "--timeout=30s", ...names]);
    await cluster.kubectl(["create", "namespace", NAMESPACE]);
    await t.step("every field of the first version, in YAML and JSON", () => takesEverything(cluster));
    await t.step("the examples of the guide", () => takesExamples(cluster));
  });
}

async function takesEverything(cluster: Cluster): Promise<void> {
  for (const format of ["yaml", "json"]) {
    const { code, stdout, stderr } = await runVerb(["convert", "-f", FIRST_VERSION, "-o", format]);
    assert.equal(code, 2, stderr);
    await cluster.kubectl(["apply", "--validate=strict", "-f", "-"], { stdin: stdout });
  }
  const { stdout } = await cluster.kubectl(["get", "remoteclusters,replications", "-n", NAMESPACE, "-o", "json"]);
  const items: (RemoteCluster | Replication)[] = JSON.parse(stdout).items;
  const named = items.map(({ kind, metadata }) => `${kind}/${metadata.name}`).sort();
  assert.deepEqual(named, [
    "RemoteCluster/dr",
    "RemoteCluster/prod",
    "Replication/early",
    "Replication/everything",
    "Replication/lean",
    "Replication/many-a",
    "Replication/many-b",
    "Replication/selected",
  ]);
  const everything = items.find(({ metadata }) => metadata.name === "everything") as Replication;
  assert.equal(everything.spec.schedule, "*/5 * * * *");
  assert.equal(everything.metadata.labels?.team, "shop");
}

async function takesExamples(cluster: Cluster): Promise<void> {
  for (const { after } of await migrationExamples()) {
    await cluster.kubectl(["apply", "--dry-run=server", "--validate=strict", "-f", "-"], { stdin: after });
  }
}
