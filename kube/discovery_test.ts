import assert from "node:assert/strict";
import recorded from "./testdata/discovery_1.36.json" with { type: "json" };
import { discoveryOf, findType, resolveTypes } from "./discovery.ts";
import { readAggregated, readGroupVersions, readResourceList } from "./discovery_read.ts";
import { groupResource } from "./types.ts";

/** Answers of kube-apiserver 1.36.3 to /api and /apis, the latter cut down to three groups. */
const discovery = discoveryOf([...readAggregated(recorded.api) ?? [], ...readAggregated(recorded.apis) ?? []]);

Deno.test("a kind is there once, at the preferred version, with its other versions known", () => {
  const scalers = discovery.types.filter((type) => type.kind === "HorizontalPodAutoscaler");
  assert.deepEqual(scalers.map((type) => type.version), ["v2"]);
  assert.deepEqual(discovery.versions.get("horizontalpodautoscalers.autoscaling"), ["v2", "v1"]);
  const pod = findType(discovery, { group: "", kind: "Pod" });
  assert.ok(pod?.namespaced && pod.verbs.includes("watch") && pod.subresources.includes("eviction"));
  assert.deepEqual(pod.shortNames, ["po"]);
});

Deno.test("a spelling names a kind by plural, singular, kind or short name, with or without version and group", () => {
  const meanings: [string, string[]][] = [
    ["sts", ["statefulsets.apps"]],
    ["StatefulSet", ["statefulsets.apps"]],
    ["statefulset.apps", ["statefulsets.apps"]],
    ["statefulsets.v1.apps", ["statefulsets.apps"]],
    ["statefulsets.v1beta1.apps", []],
    [" Pods ", ["pods"]],
    ["pods.v1", ["pods"]],
    ["events", ["events", "events.events.k8s.io"]],
    ["event.events.k8s.io", ["events.events.k8s.io"]],
    ["toString", []],
    ["pod s", []],
    ["...", []],
  ];
  for (const [spelling, meant] of meanings) {
    assert.deepEqual(resolveTypes(discovery, spelling).map(groupResource), meant, spelling);
  }
  assert.equal(resolveTypes(discovery, "hpa.v1.autoscaling")[0]?.version, "v1");
});

Deno.test("a name wins over the short name of another kind", () => {
  const shadow = { ...discovery.types[0]!, group: "shadow.example", resource: "po", kind: "Po", singular: "po" };
  const both = { ...discovery, types: [...discovery.types, shadow] };
  assert.deepEqual(resolveTypes(both, "po").map(groupResource), ["po.shadow.example"]);
});

Deno.test("a group whose server is down is stale, and what is known of it stays", () => {
  const stale = {
    ...recorded.apis,
    items: recorded.apis.items.map((item) => ({ ...item, versions: [] as unknown[] })),
  };
  stale.items[0]!.versions = [{ version: "v1", freshness: "Stale", resources: [] }];
  assert.deepEqual(discoveryOf(readAggregated(stale) ?? []).stale, [recorded.apis.items[0]?.metadata.name]);
});

Deno.test("answers that are something else are told apart, odd entries are left out", () => {
  for (const body of [undefined, null, "text", [], {}, { kind: "Status" }]) {
    assert.equal(readAggregated(body), undefined);
    assert.equal(readGroupVersions(body), undefined);
    assert.equal(readResourceList("", "v1", body), undefined);
  }
  const odd = { kind: "APIGroupDiscoveryList", items: [null, { versions: [{ version: "v1", resources: [{}, 1] }] }] };
  assert.deepEqual(readAggregated(odd), [{ name: "", versions: [{ version: "v1", types: [], stale: false }] }]);
});
