import assert from "node:assert/strict";
import type { KubeObject, ResourceType } from "../../kube/types.ts";
import { type Arrival, Arrivals, type Change } from "./arrivals.ts";
import { changedFields } from "./changed_fields.ts";
import { Follower } from "./follow.ts";
import { parseOptions, UsageError } from "./options.ts";
import { formatSummary, percentile, sumUp } from "./summary.ts";

const never = new AbortController().signal;

const configMaps: ResourceType = {
  group: "",
  version: "v1",
  resource: "configmaps",
  kind: "ConfigMap",
  singular: "configmap",
  shortNames: ["cm"],
  namespaced: true,
  verbs: ["create", "delete", "get", "list", "patch", "update", "watch"],
  subresources: [],
};

function configMap(data: Record<string, string>, metadata: Partial<KubeObject["metadata"]> = {}): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", uid: "1", ...metadata }, data };
}

/** A change that shows when the copy holds what the source answered. */
function change(more: Partial<Change> = {}): Change {
  const shows: Change["shows"] = (answer, copy) => {
    return copy !== undefined && JSON.stringify(copy.data) === JSON.stringify(answer.data) ? "equal" : undefined;
  };
  return { key: "configmaps/a", kind: "ConfigMap", name: "a", action: "changed", shows, ...more };
}

function arrived(lagMs: number, more: Partial<Change> = {}): Arrival {
  return { change: change(more), state: "arrived", lagMs, note: "" };
}

Deno.test("a copy that shows what the source answered has arrived, an older one has not", async () => {
  const arrivals = new Arrivals(() => {});
  await arrivals.perform([change()], () => Promise.resolve(configMap({ key: "new" })));
  arrivals.seen("configmaps/a", configMap({ key: "old" }), performance.now());
  arrivals.seen("configmaps/b", configMap({ key: "new" }), performance.now());
  assert.deepEqual(arrivals.all.map(({ state }) => state), ["pending"]);
  assert.equal(await arrivals.waitForAll(20, never), false);
  arrivals.seen("configmaps/a", configMap({ key: "new" }), performance.now() + 5);
  const [arrival] = arrivals.all;
  assert.ok(arrival?.state === "arrived" && arrival.lagMs >= 5);
  assert.equal(await arrivals.waitForAll(20, never), true);
});

Deno.test("a copy that is seen before the source's response is here counts as 0 ms", async () => {
  const arrivals = new Arrivals(() => {});
  await arrivals.perform([change()], () => {
    arrivals.seen("configmaps/a", configMap({ key: "new" }), performance.now());
    return Promise.resolve(configMap({ key: "new" }));
  });
  const [arrival] = arrivals.all;
  assert.ok(arrival?.state === "arrived" && arrival.lagMs === 0);
});

Deno.test("percentiles are by nearest rank, and leave out what waits on purpose", () => {
  assert.deepEqual([50, 99, 100].map((percent) => percentile([1, 2, 3, 4], percent)), [2, 4, 4]);
  const summary = sumUp([arrived(3), arrived(2_000, { graceMs: 2_000 }), arrived(900, { isStart: true })], null);
  assert.deepEqual(summary.lagMs, { count: 1, p50: 3, p99: 3, max: 3 });
});

Deno.test("a round passes only if everything arrived and both namespaces could be compared", () => {
  const equal = { mirrored: { ConfigMap: 1 }, notMirrored: [], missing: [] };
  const pending: Arrival = { change: change(), state: "pending" };
  assert.equal(sumUp([arrived(3)], equal).passed, true);
  assert.equal(sumUp([], equal).passed, false);
  assert.equal(sumUp([arrived(3)], null).passed, false);
  assert.equal(sumUp([arrived(3)], { ...equal, missing: ["Secret a"] }).passed, false);
  assert.equal(sumUp([arrived(3), pending], equal).passed, false);
  assert.ok(formatSummary(sumUp([pending], equal)).includes("NOT ARRIVED: ConfigMap a: changed"));
});

/** A follower, and what it tells; times are in milliseconds. */
function follow() {
  const told: string[] = [];
  const follower = new Follower((...words) => told.push(words.join(" | ")));
  const sighting = (object: KubeObject, atMs: number, initial = false) => {
    return { type: configMaps, change: "Modified", object, atMs, initial } as const;
  };
  const copy = (data: Record<string, string>, hash: string) => {
    return configMap(data, {
      labels: { "dr-syncer.io/managed-by": "x" },
      annotations: { "dr-syncer.io/desired-hash": hash },
    });
  };
  return { told, follower, sighting, copy };
}

Deno.test("a change of the source is told with the time until its copy changed", () => {
  const { told, follower, sighting, copy } = follow();
  follower.source(sighting(configMap({ key: "1" }), 0, true));
  follower.dr(sighting(copy({ key: "1" }, "h1"), 0, true));
  follower.source(sighting(configMap({ key: "1" }, { resourceVersion: "2" }), 50));
  follower.source(sighting(configMap({ key: "2" }, { resourceVersion: "3" }), 100));
  follower.dr(sighting(copy({ key: "2" }, "h2"), 108));
  assert.deepEqual(told, ["ConfigMap a | data | 8.0 ms"]);
});

Deno.test("a change that does not come to DR, and one that is not from the source, are told as such", () => {
  const { told, follower, sighting } = follow();
  follower.source(sighting(configMap({ key: "1" }), 0));
  follower.dr(sighting(configMap({ key: "mine" }), 10));
  follower.tellLate(4_000);
  follower.tellLate(6_000);
  follower.tellLate(7_000);
  const late = "ConfigMap a | created | not in DR: see src describe replication shop -n dr-syncer-system";
  assert.deepEqual(told, ["ConfigMap a | created in DR | not by dr-syncer", late]);
});

Deno.test("changed fields are named, their values are not", () => {
  const before = { ...configMap({ key: "1" }), spec: { a: 1, b: 1 }, status: { c: 1 } };
  const after = { ...configMap({ key: "2" }, { labels: { x: "y" } }), spec: { a: 2, b: 1 }, status: { c: 2 } };
  assert.equal(changedFields(before, after), "data, spec.a, labels");
});

Deno.test("the command line", () => {
  const usual = { volumes: false, once: false, json: false, drVersion: undefined, waitMs: 30_000 };
  assert.deepEqual(parseOptions([], true), usual);
  assert.deepEqual(parseOptions(["--volumes"], true), { ...usual, volumes: true, waitMs: 120_000 });
  assert.equal(parseOptions([], false)?.once, true);
  assert.equal(parseOptions(["--once", "--json"], true)?.json, true);
  assert.equal(parseOptions(["--dr-version", "1.30"], true)?.drVersion, "1.30");
  assert.equal(parseOptions(["--help"], true), undefined);
  for (
    const wrong of [["--wait=0"], ["--wait=x"], ["--json"], ["--nothing"], ["more"], [
      "--volumes",
      "--dr-version=1.30",
    ]]
  ) {
    assert.throws(() => parseOptions(wrong, true), UsageError, wrong.join(" "));
  }
});
