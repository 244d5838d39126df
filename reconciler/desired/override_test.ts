import assert from "node:assert/strict";
import type { Override } from "../../crds/types.ts";
import type { KubeObject } from "../../kube/types.ts";
import { desired } from "./desired.ts";
import { contextFor, readGoldenSources } from "./testing.ts";

const SECRET: KubeObject = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "database", labels: { app: "shop" } },
  data: { password: "c2VjcmV0" },
};

function override(name: string, jsonPatch: Override["jsonPatch"], match: Partial<Override["match"]> = {}): Override {
  return { name, match: { kind: "*", ...match }, jsonPatch };
}

function desiredWith(source: KubeObject, overrides: Override[], destinationNamespace = "shop") {
  return desired(source, contextFor(source, { adaptation: { overrides }, destinationNamespace }));
}

/** [match, whether it takes SECRET] */
const MATCHES: readonly [Partial<Override["match"]>, boolean][] = [
  [{}, true],
  [{ name: "data*" }, true],
  [{ name: "data" }, false],
  [{ labelSelector: { matchLabels: { app: "shop" } } }, true],
  [{ labelSelector: { matchLabels: { app: "other" } } }, false],
  [{ name: "other", labelSelector: { matchLabels: { app: "shop" } } }, false],
];

for (const [match, expected] of MATCHES) {
  Deno.test(`an override for ${JSON.stringify(match)} ${expected ? "changes" : "leaves alone"} a Secret`, () => {
    const result = desiredWith(SECRET, [override("o", [{ op: "add", path: "/data/host", value: "ZHI=" }], match)]);
    assert.ok(result.kind === "object");
    assert.equal("host" in (result.object.data as object), expected);
    assert.deepEqual([...result.used], expected ? ["overrides[o]"] : []);
  });
}

Deno.test("overrides are carried out in their order, each on what the one before left", () => {
  const result = desiredWith(SECRET, [
    override("first", [{ op: "add", path: "/data/host", value: "YQ==" }]),
    override("second", [{ op: "test", path: "/data/host", value: "YQ==" }, { op: "remove", path: "/data/password" }]),
  ]);
  assert.deepEqual(result.kind === "object" && result.object.data, { host: "YQ==" });
});

Deno.test("an override that does not fit is told by name and path, without values, and nothing is left to write", () => {
  const operations: [Override["jsonPatch"][number], RegExp][] = [
    [{ op: "test", path: "/data/password", value: "b3RoZXI=" }, /the test of \/data\/password does not hold/],
    [{ op: "replace", path: "/data/user", value: "b3RoZXI=" }, /nothing is at \/data\/user/],
    [{ op: "add", path: "/spec/list/-", value: "b3RoZXI=" }, /nothing is at \/spec\/list/],
  ];
  for (const [operation, expected] of operations) {
    const result = desiredWith(SECRET, [override("db", [{ op: "test", path: "/kind", value: "Secret" }, operation])]);
    assert.ok(result.kind === "invalid");
    assert.match(result.message, /^override db does not fit Secret database: jsonPatch\[1\]: /);
    assert.match(result.message, expected);
    assert.doesNotMatch(JSON.stringify(result), /c2VjcmV0|b3RoZXI=/);
    assert.deepEqual([...result.used], ["overrides[db]"]);
  }
});

Deno.test("no override starts anything in a standby; what it sets is what an activation finds", () => {
  const sources = readGoldenSources();
  const copy = (name: string, jsonPatch: Override["jsonPatch"]) => {
    const result = desiredWith(sources.get(name)!, [override("o", jsonPatch)]);
    assert.ok(result.kind === "object");
    return result.object as KubeObject & { spec: Record<string, unknown> };
  };
  const deployment = copy("deployment", [{ op: "replace", path: "/spec/replicas", value: 9 }]);
  assert.equal(deployment.spec.replicas, 0);
  assert.equal(deployment.metadata.annotations!["dr-syncer.io/original-replicas"], "9");
  assert.equal(copy("cron_job", [{ op: "add", path: "/spec/suspend", value: false }]).spec.suspend, true);
  const issuer = "/metadata/annotations/cert-manager.io~1cluster-issuer";
  const { annotations = {} } = copy("ingress", [{ op: "add", path: issuer, value: "dr-issuer" }]).metadata;
  assert.ok(!("cert-manager.io/cluster-issuer" in annotations));
  assert.equal(
    JSON.parse(annotations["dr-syncer.io/original-annotations"]!)["cert-manager.io/cluster-issuer"],
    "dr-issuer",
  );
});

Deno.test("a mention of the source namespace that an override puts right is not reported", () => {
  const source: KubeObject = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "settings" },
    data: { url: "http://db.shop.svc" },
  };
  const reports = (overrides: Override[]) => {
    const result = desiredWith(source, overrides, "shop-dr");
    return result.kind === "object" ? result.reports.map(({ reason }) => reason) : [];
  };
  assert.deepEqual(reports([]), ["NamespaceMention"]);
  assert.deepEqual(
    reports([override("url", [{ op: "replace", path: "/data/url", value: "http://db.shop-dr.svc" }])]),
    [],
  );
});

Deno.test("what an override copies into labels or annotations is text, or nothing is written", () => {
  for (const path of ["/metadata/labels/copied", "/metadata/annotations"]) {
    const result = desiredWith(SECRET, [override("o", [{ op: "copy", from: "/data", path }])]);
    if (path === "/metadata/annotations") assert.equal(result.kind, "object", "a map of texts is one of annotations");
    else {
      assert.ok(result.kind === "invalid");
      assert.match(result.message, /override o does not fit Secret database: metadata\.labels/);
      assert.ok(!result.message.includes("c2VjcmV0"));
    }
  }
});
