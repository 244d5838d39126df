import assert from "node:assert/strict";
import type { Replication } from "../crds/types.ts";
import type { ResourceType } from "../kube/types.ts";
import type { ReviewRequest } from "./review.ts";
import { judgeRequest, restoreWorld, spellingsOf, type WorldSnapshot } from "./world.ts";

const DEPLOYMENTS: ResourceType = {
  group: "apps",
  version: "v1",
  resource: "deployments",
  kind: "Deployment",
  singular: "deployment",
  shortNames: ["deploy"],
  namespaced: true,
  verbs: [],
  subresources: [],
};
const NODES: ResourceType = {
  ...DEPLOYMENTS,
  group: "",
  resource: "nodes",
  kind: "Node",
  singular: "node",
  namespaced: false,
};

const WORLD: WorldSnapshot = {
  controlNamespace: "ns",
  tenantMode: false,
  remoteClusters: [],
  replications: [],
  knownTypes: [{ cluster: undefined, spellings: spellingsOf([DEPLOYMENTS, NODES]) }],
  secretNames: ["here"],
};

Deno.test("kinds are known in any spelling and case; cluster-scoped kinds and other clusters are not", () => {
  const world = restoreWorld(WORLD)(new Date());
  for (const spelling of ["Deployment", "deployments", "DEPLOY", "deployment.apps", "deploy.apps"]) {
    assert.equal(world.knownTypes?.(undefined, spelling), true, spelling);
  }
  assert.equal(world.knownTypes?.(undefined, "nodes"), false);
  assert.equal(world.knownTypes?.("elsewhere", "deployments"), undefined);
  assert.deepEqual([world.secretExists?.("here"), world.secretExists?.("gone")], [true, false]);
  const blind = restoreWorld({ ...WORLD, secretNames: undefined, knownTypes: undefined })(new Date());
  assert.deepEqual([blind.secretExists?.("here"), blind.knownTypes?.(undefined, "deployments")], [
    undefined,
    undefined,
  ]);
});

Deno.test("a snapshot survives the way to another thread", () => {
  assert.deepEqual(structuredClone(WORLD), WORLD);
});

Deno.test("a request is judged by its kind; without a world there is no objection", () => {
  const spec = {
    destinationCluster: "dr",
    sourceNamespace: "kube-system",
    replicationMode: "Continuous",
    resourceTypes: ["*"],
    deletion: { policy: "Mirror", grace: "30s", budget: { count: 3, percent: 10, window: "10m" } },
  };
  const object = {
    apiVersion: "dr-syncer.io/v1alpha1",
    kind: "Replication",
    metadata: { name: "r", namespace: "ns" },
    spec,
  };
  const request = { resource: "replications", object: object as unknown as Replication } as unknown as ReviewRequest;
  const judged = judgeRequest(request, restoreWorld(WORLD)(new Date()));
  assert.match(judged.denials.join(), /spec\.sourceNamespace: "kube-system"/);
  assert.match(judged.warnings.join(), /spec\.destinationCluster: "dr"/);
  assert.deepEqual(judgeRequest(request, undefined), { denials: [], warnings: [] });
  assert.deepEqual(judgeRequest({ ...request, resource: "configmaps" }, restoreWorld(WORLD)(new Date())).denials, []);
});
