import assert from "node:assert/strict";
import { remoteClusterSpec } from "../crds/schema/remote_cluster.ts";
import { replicationSpec } from "../crds/schema/replication.ts";
import type { RemoteCluster, Replication, ReplicationSpec, ReplicationSpecInput } from "../crds/types.ts";
import type { World } from "../crds/validate.ts";
import { onlyStatusDiffers, Verdicts } from "./verdicts.ts";

const CONTROL = "dr-syncer-system";
const BORN = "2026-01-01T00:00:00Z";

function replicationOf(name: string, spec: Partial<ReplicationSpecInput> = {}, generation = 1): Replication {
  const metadata = {
    name,
    namespace: CONTROL,
    uid: `uid-${name}`,
    resourceVersion: "1",
    generation,
    creationTimestamp: BORN,
  };
  const defaulted = replicationSpec.parse({ destinationCluster: "dr", sourceNamespace: name, ...spec });
  return { apiVersion: "dr-syncer.io/v1alpha1", kind: "Replication", metadata, spec: defaulted as ReplicationSpec };
}

function clusterOf(status: RemoteCluster["status"]): RemoteCluster {
  return {
    apiVersion: "dr-syncer.io/v1alpha1",
    kind: "RemoteCluster",
    metadata: { name: "dr", namespace: CONTROL, uid: "uid-dr", generation: 1 },
    spec: remoteClusterSpec.parse({ kubeconfigSecretRef: { name: "dr-kubeconfig" } }),
    status,
  };
}

function worldOf(change: Partial<World> = {}): World {
  return {
    controlNamespace: CONTROL,
    tenantMode: false,
    localClusterId: "own",
    remoteClusters: new Map([["dr", clusterOf({ clusterId: "id-dr" })]]),
    replications: [replicationOf("one"), replicationOf("two")],
    now: new Date(BORN),
    ...change,
  };
}

/** Verdicts on a world that a test changes. */
function judgeOf(world: World) {
  const seen = { world, circumstances: [] as unknown[], judged: 0 };
  const verdicts = new Verdicts({
    world: () => seen.world,
    circumstances: () => seen.circumstances,
    judged: () => void seen.judged++,
  });
  verdicts.look();
  const judgeAll = () => seen.world.replications.map((replication) => verdicts.of(replication).denials.length);
  judgeAll();
  return { seen, verdicts, judgeAll };
}

Deno.test("a write of a status judges nothing again", () => {
  const { seen, verdicts, judgeAll } = judgeOf(worldOf());
  assert.equal(seen.judged, 2);
  const [one, two] = seen.world.replications as [Replication, Replication];
  const written = {
    ...one,
    metadata: { ...one.metadata, resourceVersion: "2" },
    status: { phase: "Running" as const },
  };
  const remoteClusters = new Map([["dr", clusterOf({ clusterId: "id-dr", health: "Degraded" })]]);
  seen.world = worldOf({ replications: [written, two], remoteClusters });
  assert.equal(verdicts.look(), false);
  judgeAll();
  assert.equal(seen.judged, 2);
});

const invalid = {
  type: "KubeconfigValid",
  status: "False" as const,
  reason: "X",
  message: "x",
  lastTransitionTime: BORN,
};
const changes: [string, (seen: { world: World; circumstances: unknown[] }) => void][] = [
  [
    "a changed spec",
    (seen) => seen.world = worldOf({ replications: [replicationOf("one", {}, 2), replicationOf("two")] }),
  ],
  [
    "a Replication more",
    (seen) => seen.world = worldOf({ replications: [...seen.world.replications, replicationOf("x")] }),
  ],
  ["a Replication less", (seen) => seen.world = worldOf({ replications: [replicationOf("two")] })],
  ["no RemoteCluster", (seen) => seen.world = worldOf({ remoteClusters: new Map() })],
  [
    "an identity",
    (seen) => seen.world = worldOf({ remoteClusters: new Map([["dr", clusterOf({ clusterId: "own" })]]) }),
  ],
  ["a bad kubeconfig", (seen) => {
    seen.world = worldOf({
      remoteClusters: new Map([["dr", clusterOf({ clusterId: "id-dr", conditions: [invalid] })]]),
    });
  }],
  ["our own identity", (seen) => seen.world = worldOf({ localClusterId: "id-dr" })],
  ["another kind or Secret", (seen) => seen.circumstances = [1]],
];

for (const [what, change] of changes) {
  Deno.test(`verdicts are worked out anew after ${what}`, () => {
    const { seen, verdicts, judgeAll } = judgeOf(worldOf());
    change(seen);
    assert.equal(verdicts.look(), true);
    assert.equal(verdicts.look(), false, "once");
    judgeAll();
    assert.equal(seen.judged, 2 + seen.world.replications.length);
  });
}

Deno.test("the verdicts are those of the world as it is now", () => {
  const { seen, verdicts, judgeAll } = judgeOf(worldOf());
  assert.deepEqual(judgeAll(), [0, 0]);
  seen.world = worldOf({
    replications: [replicationOf("one"), replicationOf("two", { destinationNamespace: "one" }, 2)],
  });
  verdicts.look();
  assert.deepEqual(judgeAll(), [0, 1]);
});

Deno.test("a child that does not exist yet is judged once for each spec", () => {
  const { seen, verdicts } = judgeOf(worldOf());
  const child = (spec: Partial<ReplicationSpecInput>) => {
    const { metadata: { uid: _, generation: __, ...metadata }, ...rest } = replicationOf("one", spec);
    return { ...rest, metadata };
  };
  verdicts.of(child({}));
  verdicts.of(child({}));
  assert.equal(seen.judged, 3);
  verdicts.of(child({ destinationNamespace: "other" }));
  assert.equal(seen.judged, 4);
});

Deno.test("to judge all, each Replication is looked at a few times, however many there are", () => {
  const readsOf = (count: number) => {
    let reads = 0;
    const replications = Array.from({ length: count }, (_, index) => {
      const { spec, ...rest } = replicationOf(`ns-${index}`);
      return {
        ...rest,
        get spec() {
          reads++;
          return spec;
        },
      };
    });
    judgeOf(worldOf({ replications }));
    return reads;
  };
  assert.equal(readsOf(300), 10 * readsOf(30));
});

Deno.test("what a write of the status changes is told from what people ask for", () => {
  const before = { ...replicationOf("one"), status: {} };
  const changed = (metadata: object) => ({ ...before, metadata: { ...before.metadata, ...metadata } });
  assert.ok(
    onlyStatusDiffers(before, { ...changed({ resourceVersion: "2", managedFields: [{}] }), status: { epoch: 1 } }),
  );
  for (
    const metadata of [{ generation: 2 }, { labels: { a: "b" } }, { annotations: { a: "b" } }, { finalizers: ["a"] }]
  ) {
    assert.ok(!onlyStatusDiffers(before, changed(metadata)), JSON.stringify(metadata));
  }
});
