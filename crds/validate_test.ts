import assert from "node:assert/strict";
import type {
  RemoteCluster,
  RemoteClusterSpecInput,
  Replication,
  ReplicationSpec,
  ReplicationSpecInput,
} from "./types.ts";
import { remoteClusterSpec } from "./schema/remote_cluster.ts";
import { replicationSpec } from "./schema/replication.ts";
import {
  conflictsWith,
  describe,
  type Problem,
  resourceTypesOf,
  validateRemoteCluster,
  validateReplication,
  type World,
} from "./validate.ts";

const CONTROL = "dr-syncer-system";

/** A stored Replication of the control namespace; `at` is the minute it was created. */
function replication(name: string, spec: Partial<ReplicationSpecInput> = {}, at = 0, namespace = CONTROL): Replication {
  const metadata = { name, namespace, resourceVersion: "7", creationTimestamp: `2026-01-01T00:${10 + at}:00Z` };
  const defaulted = replicationSpec.parse({ destinationCluster: "dr", sourceNamespace: "shop", ...spec });
  return { apiVersion: "dr-syncer.io/v1alpha1", kind: "Replication", metadata, spec: defaulted as ReplicationSpec };
}

/** The same as an admission of CREATE shows it. */
function unstored(object: Replication): Replication {
  return { ...object, metadata: { ...object.metadata, resourceVersion: undefined } };
}

function cluster(
  name: string,
  clusterId?: string,
  spec: Partial<RemoteClusterSpecInput> = {},
  namespace = CONTROL,
): RemoteCluster {
  return {
    apiVersion: "dr-syncer.io/v1alpha1",
    kind: "RemoteCluster",
    metadata: { name, namespace },
    spec: remoteClusterSpec.parse({ kubeconfigSecretRef: { name: `${name}-kubeconfig` }, ...spec }),
    status: { clusterId },
  };
}

function world(change: Partial<World> = {}, clusters = [cluster("dr", "id-dr"), cluster("dr2", "id-dr2")]): World {
  return {
    controlNamespace: CONTROL,
    tenantMode: false,
    localClusterId: "id-own",
    remoteClusters: new Map(clusters.map((item) => [item.metadata.name, item])),
    replications: [],
    now: new Date("2026-01-02T00:00:00Z"),
    ...change,
  };
}

/** Problems as `field reason`. */
function brief(problems: readonly Problem[]): string[] {
  return problems.map(({ field, reason }) => `${field.replace("spec.", "")} ${reason}`);
}

function denials(next: Replication, known = world()): string[] {
  return brief(validateReplication(next, known).denials);
}

function warnings(next: Replication, known = world()): string[] {
  return brief(validateReplication(next, known).warnings);
}

Deno.test("a plain Replication to a known cluster has no problems", () => {
  assert.deepEqual(validateReplication(replication("shop"), world()), { denials: [], warnings: [] });
});

Deno.test("fields that can never be right are denied by name", () => {
  const cases: [Partial<ReplicationSpecInput>, string[]][] = [
    [{ replicationMode: "Scheduled", schedule: "0 2 * * *", timeZone: "Europe/Berlin" }, []],
    [{ replicationMode: "Scheduled", schedule: "61 2 * * *" }, ["schedule ScheduleInvalid"]],
    [{ replicationMode: "Scheduled", schedule: "0 0 31 2 *" }, ["schedule ScheduleNeverFires"]],
    [{ replicationMode: "Scheduled" }, ["schedule ScheduleMissing"]],
    [{ replicationMode: "Manual" }, []],
    [{ schedule: "0 2 * * *" }, ["schedule ScheduleUnexpected"]],
    [{ replicationMode: "Manual", timeZone: "UTC" }, ["timeZone ScheduleUnexpected"]],
    [{ replicationMode: "Scheduled", schedule: "0 2 * * *", timeZone: "Mars/Olympus" }, ["timeZone TimeZoneInvalid"]],
    [{ pvc: { trigger: { schedule: "0 2 * * *" } }, timeZone: "Europe/Berlin" }, []],
    [{ pvc: { trigger: { schedule: "0 2 * * *" } }, timeZone: "Mars/Olympus" }, ["timeZone TimeZoneInvalid"]],
    [{ pvc: { verification: { mode: "Full", interval: "24h" } } }, []],
    [{ pvc: { verification: { interval: "99999999999999h" } } }, ["pvc.verification.interval DurationInvalid"]],
    [{ pvc: { trigger: {} }, timeZone: "UTC" }, ["timeZone ScheduleUnexpected"]],
    [{ pvc: { trigger: { schedule: "0 25 * * *" } } }, ["pvc.trigger.schedule ScheduleInvalid"]],
    [{ pvc: { trigger: { schedule: "0 0 31 2 *" } } }, ["pvc.trigger.schedule ScheduleNeverFires"]],
    [{ pvc: { trigger: { schedule: "0 2 * * *" } }, schedule: "0 2 * * *" }, ["schedule ScheduleUnexpected"]],
    [{ deletion: { grace: "0s", budget: { count: 0, percent: 0 } } }, []],
    [{ deletion: { budget: { window: "0s" } } }, ["deletion.budget.window DurationInvalid"]],
    [{ sourceNamespace: "kube-system" }, ["sourceNamespace ProtectedNamespace"]],
    [{ sourceNamespace: CONTROL }, ["sourceNamespace ProtectedNamespace"]],
    [{ destinationNamespace: "openshift-monitoring" }, ["destinationNamespace ProtectedNamespace"]],
    [{ sourceNamespace: "kubernetes-dashboard" }, []],
    [{ sourceCluster: "dr" }, ["destinationNamespace SameEnds"]],
    [{ sourceCluster: "dr", destinationNamespace: "shop-dr" }, []],
    [{ sourceCluster: "dr2" }, []],
  ];
  for (const [spec, expected] of cases) {
    assert.deepEqual(denials(replication("a", spec)), expected, JSON.stringify(spec));
  }
});

Deno.test("durations and budgets that slipped past the schema are denied too", () => {
  const next = replication("a");
  next.spec.deletion = { policy: "Mirror", grace: "soon", budget: { count: -1, percent: 101, window: "1d" } };
  assert.deepEqual(denials(next), [
    "deletion.grace DurationInvalid",
    "deletion.budget.window DurationInvalid",
    "deletion.budget.count BudgetInvalid",
    "deletion.budget.percent BudgetInvalid",
  ]);
});

Deno.test("mode Scheduled may take its schedule from the RemoteCluster", () => {
  const next = replication("a", { replicationMode: "Scheduled" });
  const good = world({}, [cluster("dr", "id-dr", { defaultSchedule: "0 2 * * *" })]);
  assert.deepEqual(validateReplication(next, good), { denials: [], warnings: [] });
  const bad = world({}, [cluster("dr", "id-dr", { defaultSchedule: "x" })]);
  assert.deepEqual([denials(next, bad), warnings(next, bad)], [[], ["schedule ScheduleInvalid"]]);
  const unknown = world({}, []);
  const expected = ["destinationCluster ClusterMissing", "schedule ScheduleMissing"];
  assert.deepEqual([denials(next, unknown), warnings(next, unknown)], [[], expected]);
});

Deno.test("both ends are compared by cluster id, whatever the RemoteClusters are called", () => {
  const clusters = [cluster("dr", "id-dr"), cluster("dr-alias", "id-dr"), cluster("own-alias", "id-own")];
  const known = world({}, clusters);
  assert.deepEqual(denials(replication("a", { sourceCluster: "dr-alias" }), known), ["destinationNamespace SameEnds"]);
  const own = replication("a", { destinationCluster: "own-alias" });
  assert.deepEqual(denials(own, known), ["destinationNamespace SameEnds"]);
  assert.deepEqual(denials(own, { ...known, localClusterId: undefined }), [], "not known yet, so not denied yet");
});

Deno.test("of two Replications that write one target only the older may", () => {
  const clusters = [cluster("dr", "id-dr"), cluster("dr-alias", "id-dr")];
  const old = replication("z-old", { sourceNamespace: "shop" }, 0);
  const young = replication("a-young", { sourceNamespace: "web", destinationNamespace: "shop" }, 1);
  const alias = replication("alias", { sourceNamespace: "shop", destinationCluster: "dr-alias" }, 2);
  const known = world({ replications: [old, young, alias] }, clusters);
  assert.deepEqual(denials(old, known), []);
  assert.deepEqual(denials(young, known), ["destinationNamespace TargetTaken"]);
  assert.deepEqual(denials(alias, known), ["destinationNamespace TargetTaken"]);
  assert.deepEqual(conflictsWith(young, known), [old, alias]);
  const problem = validateReplication(alias, known).denials[0]!;
  assert.match(describe(problem), /z-old already writes dr-alias\/shop/, "the oldest of all is named");
});

Deno.test("of equal age the first by name may, but what is not stored yet is always younger", () => {
  const [a, b] = [replication("a"), replication("b")];
  assert.deepEqual(denials(a, world({ replications: [b] })), []);
  assert.deepEqual(denials(b, world({ replications: [a] })), ["destinationNamespace TargetTaken"]);
  assert.deepEqual(denials(unstored(a), world({ replications: [b] })), ["destinationNamespace TargetTaken"]);
});

Deno.test("targets in other clusters or namespaces do not conflict", () => {
  const others = [
    replication("cluster", { destinationCluster: "dr2" }),
    replication("namespace", { destinationNamespace: "shop-2" }),
    replication("prefix", { sourceNamespace: "shop-prod" }),
  ];
  assert.deepEqual(denials(replication("z", {}, 1), world({ replications: others })), []);
});

Deno.test("a Replication that is not honoured takes no target", () => {
  const intruder = replication("first", {}, 0, "team-a");
  const next = replication("admin", {}, 1);
  assert.deepEqual(denials(next, world({ replications: [intruder] })), []);
  assert.deepEqual(denials(next, world({ replications: [intruder], tenantMode: true })), []);
  assert.deepEqual(denials(intruder), ["metadata.namespace NotHonoured"]);
});

Deno.test("the youngest of a cycle is denied, however long the cycle", () => {
  const there = replication("there", { destinationCluster: "dr" }, 0);
  const on = replication("on", { sourceCluster: "dr", destinationCluster: "dr2" }, 1);
  const clusters = [cluster("dr", "id-dr"), cluster("dr2", "id-dr2"), cluster("home", "id-own")];
  const known = (...replications: Replication[]) => world({ replications }, clusters);
  const back = replication("back", { sourceCluster: "dr", destinationCluster: "home" }, 2);
  assert.deepEqual(denials(back, known(there)), ["sourceNamespace Cycle"]);
  assert.deepEqual(denials(there, known(back)), [], "the older stays");
  assert.deepEqual(denials(on, known(there)), [], "a chain is no cycle");
  const far = replication("far", { sourceCluster: "dr2", destinationCluster: "home" }, 3);
  assert.deepEqual(denials(far, known(there, on)), ["sourceNamespace Cycle"]);
  assert.match(validateReplication(far, known(there, on)).denials[0]!.message, /there, .*on/, "the way is named");
  const aside = replication(
    "aside",
    { sourceCluster: "dr2", destinationCluster: "home", destinationNamespace: "x" },
    3,
  );
  assert.deepEqual(denials(aside, known(there, on)), [], "another namespace at home");
});

Deno.test("a cycle among others is not this one's fault, and is walked only once", () => {
  const clusters = [cluster("dr", "id-dr"), cluster("home", "id-own")];
  const there = replication("there", {}, 0);
  const back = replication("back", { sourceCluster: "dr", destinationCluster: "home" }, 1);
  const next = replication("next", { sourceNamespace: "web", destinationNamespace: "shop" }, 2);
  const known = world({ replications: [there, back] }, clusters);
  assert.deepEqual(denials(next, known), ["destinationNamespace TargetTaken"]);
});

Deno.test("outside the control namespace nothing is honoured, unless in tenant mode", () => {
  const tenant = replication("a", { crds: "Never" }, 0, "shop");
  assert.deepEqual(denials(tenant), ["metadata.namespace NotHonoured"]);
  const open = [cluster("dr", "id-dr", { allowedNamespaces: ["shop"] })];
  assert.deepEqual(denials(tenant, world({ tenantMode: true }, open)), []);
});

Deno.test("a tenant that asks for more than its own is denied", () => {
  const open = (spec: Partial<RemoteClusterSpecInput>) => [cluster("dr", "id-dr", spec), cluster("dr2", "id-dr2")];
  const cases: [Partial<ReplicationSpecInput>, Partial<RemoteClusterSpecInput>, string[]][] = [
    [{}, { allowedNamespaces: ["shop"] }, []],
    [{}, {}, ["destinationCluster TenantNotAllowed"]],
    [{}, { allowedNamespaces: ["web"] }, ["destinationCluster TenantNotAllowed"]],
    [{ sourceNamespace: "web" }, { allowedNamespaces: ["shop", "web"] }, ["sourceNamespace TenantNotAllowed"]],
    [{ sourceCluster: "dr2" }, { allowedNamespaces: ["shop"] }, ["sourceCluster TenantNotAllowed"]],
    [{ crds: "IfMissing" }, { allowedNamespaces: ["shop"] }, ["crds TenantNotAllowed"]],
    [{ destinationNamespace: "web" }, { allowedNamespaces: ["shop"] }, ["destinationNamespace TenantNotAllowed"]],
    [{ destinationNamespace: "s-dr" }, { allowedNamespaces: ["shop"], allowedDestinations: ["s-dr"] }, []],
    [{}, { allowedNamespaces: ["shop"], allowedDestinations: ["s-dr"] }, ["destinationNamespace TenantNotAllowed"]],
  ];
  for (const [spec, allowed, expected] of cases) {
    const next = replication("a", { crds: "Never", ...spec }, 0, "shop");
    assert.deepEqual(
      denials(next, world({ tenantMode: true }, open(allowed))),
      expected,
      JSON.stringify([spec, allowed]),
    );
  }
});

Deno.test("a tenant's missing RemoteCluster is only a warning", () => {
  const next = replication("a", { crds: "Never" }, 0, "shop");
  const known = world({ tenantMode: true }, []);
  assert.deepEqual([denials(next, known), warnings(next, known)], [[], ["destinationCluster ClusterMissing"]]);
});

Deno.test("what may yet appear is a warning", () => {
  const next = replication("a", {
    sourceCluster: "prod",
    resourceTypes: ["*", "widgets"],
    excludeResourceTypes: ["pods"],
  });
  const asked: string[] = [];
  const known = world({
    knownTypes: (where, spelling) => {
      asked.push(`${where} ${spelling}`);
      return spelling === "pods" ? undefined : false;
    },
  });
  assert.deepEqual(denials(next, known), []);
  assert.deepEqual(warnings(next, known), ["sourceCluster ClusterMissing", "resourceTypes TypeUnknown"]);
  assert.ok(asked.includes("prod widgets") && asked.includes("prod pods") && !asked.includes("prod *"));
});

Deno.test("a label selector that can never be right is denied, an excluded object of an unknown kind is a warning", () => {
  const next = replication("a", {
    labelSelector: { matchExpressions: [{ key: "app", operator: "In" }] },
    excludeObjects: [{ kind: "*", name: "tmp-*" }, { kind: "gizmos", name: "x" }],
  });
  const known = world({ knownTypes: () => false });
  assert.deepEqual(denials(next, known), ["labelSelector.matchExpressions[0].values SelectorInvalid"]);
  assert.deepEqual(warnings(next, known), ["excludeObjects[1].kind TypeUnknown"]);
});

Deno.test("an override that can never be right is denied", () => {
  const jsonPatch = [{ op: "remove" as const, path: "/metadata/name" }];
  const next = replication("a", { overrides: [{ name: "x", match: { kind: "*" }, jsonPatch }] });
  assert.deepEqual(denials(next), ["overrides[x].jsonPatch[0].path OverrideInvalid"]);
});

Deno.test("an override of an unknown kind is a warning; a tenant's overrides must not reach Roles", () => {
  const overrides = [{ name: "x", match: { kind: "gizmos" }, jsonPatch: [{ op: "remove" as const, path: "/spec/x" }] }];
  const next = replication("a", { overrides });
  assert.deepEqual(warnings(next, world({ knownTypes: () => false })), ["overrides[x].match.kind TypeUnknown"]);
  const dr = cluster("dr", "id-dr", { allowedNamespaces: ["shop"] });
  const known = world({ tenantMode: true }, [dr]);
  const tenants = (spec: Partial<ReplicationSpecInput>) => denials(replication("a", spec, 0, "shop"), known);
  assert.deepEqual(tenants({ crds: "Never", overrides }), ["overrides TenantNotAllowed"]);
  assert.deepEqual(tenants({ crds: "Never", overrides, rbacObjects: "Skip" }), ["overrides TenantNotAllowed"]);
});

Deno.test("a RemoteCluster whose kubeconfig cannot be used is a warning that says why", () => {
  const dr = cluster("dr");
  const time = "2026-01-01T00:00:00Z";
  const condition = {
    type: "KubeconfigValid",
    status: "False",
    reason: "Refused",
    message: "exec is refused",
  } as const;
  dr.status = { conditions: [{ ...condition, lastTransitionTime: time }] };
  const [warning] = validateReplication(replication("a"), world({}, [dr])).warnings;
  assert.equal(warning?.reason, "KubeconfigInvalid");
  assert.match(describe(warning), /spec\.destinationCluster: "dr": .*exec is refused; correct Secret dr-kubeconfig/);
});

Deno.test("kinds come from the Replication, else from its RemoteCluster, else they are all", () => {
  const dr = cluster("dr", "id-dr", { defaultResourceTypes: ["secrets"] });
  assert.deepEqual(resourceTypesOf(replication("a", { resourceTypes: ["configmaps"] }), dr), ["configmaps"]);
  assert.deepEqual(resourceTypesOf(replication("a", { resourceTypes: [] }), dr), ["secrets"]);
  assert.deepEqual(resourceTypesOf(replication("a"), cluster("dr")), ["*"]);
});

Deno.test("a RemoteCluster is judged by place, schedule, namespaces and Secret", () => {
  const verdictOf = (next: RemoteCluster, known = world()) => {
    const { denials, warnings } = validateRemoteCluster(next, known);
    return [brief(denials), brief(warnings)];
  };
  assert.deepEqual(verdictOf(cluster("dr")), [[], []]);
  assert.deepEqual(verdictOf(cluster("dr", undefined, {}, "team-a")), [["metadata.namespace NotHonoured"], []]);
  const bad = cluster("dr", undefined, { defaultSchedule: "0 0 31 2 *", allowedDestinations: ["kube-public", "shop"] });
  const expected = ["defaultSchedule ScheduleNeverFires", "allowedDestinations ProtectedNamespace"];
  assert.deepEqual(verdictOf(bad), [expected, []]);
  const retrying = (retry: object) => cluster("dr", undefined, { pvcSync: { retry } });
  assert.deepEqual(verdictOf(retrying({ initialDelay: "1m", maxDelay: "1h", maxRetries: 3 })), [[], []]);
  const labelled = { pods: { labels: { team: "a", "dr-syncer.io/agent": "x" }, annotations: { note: "b" } } };
  assert.deepEqual(verdictOf(cluster("dr", undefined, { pvcSync: labelled })), [
    ["pvcSync.pods.labels KeyReserved"],
    [],
  ]);
  assert.deepEqual(verdictOf(retrying({ initialDelay: "0s", maxDelay: "99999999999999h" })), [
    ["pvcSync.retry.initialDelay DurationInvalid", "pvcSync.retry.maxDelay DurationInvalid"],
    [],
  ]);
  assert.deepEqual(verdictOf(cluster("dr"), world({ secretExists: (name) => name !== "dr-kubeconfig" })), [
    [],
    ["kubeconfigSecretRef.name SecretMissing"],
  ]);
});

Deno.test("every problem names field, value, reason and remedy in one line", () => {
  const next = replication("a", { replicationMode: "Scheduled", schedule: "0 0 31 2 *" });
  const lines = validateReplication(next, world()).denials.map(describe);
  assert.deepEqual(lines, [
    'spec.schedule: "0 0 31 2 *": Cannot use "0 0 31 2 *" as a schedule: it never fires, no such month has such a day; ' +
    "write 5 fields: minute, hour, day of month, month, day of week, such as 0 2 * * MON-FRI",
  ]);
  const [missing] = validateReplication(replication("a", { replicationMode: "Scheduled" }), world()).denials;
  assert.match(describe(missing!), /^spec\.schedule: \(empty\): /);
});
