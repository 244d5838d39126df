import assert from "node:assert/strict";
import type { KubeObject } from "../../kube/types.ts";
import { settleClaim, settleTemplates } from "./storage.ts";

function claim(spec: object, status?: object): KubeObject {
  return { apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { name: "data" }, spec: { ...spec }, status };
}

function sized(storage: string, more: object = {}): object {
  return { resources: { requests: { storage } }, ...more };
}

/** [request wanted, request in DR, phase in DR, request written, whether it is told] */
const REQUESTS = [
  ["2Gi", "1Gi", "Bound", "2Gi", false],
  ["2Gi", "1Gi", "Pending", "1Gi", true],
  ["1Gi", "2Gi", "Bound", "2Gi", false],
  ["1Gi", "1024Mi", "Bound", "1024Mi", false],
] as const;

for (const [wanted, live, phase, expected, told] of REQUESTS) {
  Deno.test(`a claim that wants ${wanted} and has ${live} in DR, ${phase}, asks for ${expected}`, () => {
    const { object, reports } = settleClaim(claim(sized(wanted)), claim(sized(live), { phase }));
    assert.deepEqual(object.spec, sized(expected));
    assert.equal(reports.length, told ? 1 : 0);
  });
}

Deno.test("what cannot change of a claim stays as it is in DR, and is told by path", () => {
  const wanted = claim(sized("1Gi", {
    storageClassName: "premium",
    accessModes: ["ReadWriteMany"],
    volumeMode: "Filesystem",
    selector: { matchLabels: { disk: "a" } },
  }));
  const live = claim(
    sized("1Gi", { storageClassName: "standard", accessModes: ["ReadWriteOnce"], volumeMode: "Filesystem" }),
  );
  const { object, reports } = settleClaim(wanted, live);
  assert.deepEqual(object.spec, live.spec);
  assert.equal(reports.length, 1);
  assert.match(reports[0]!.message, /data keeps spec\.accessModes, spec\.selector, spec\.storageClassName as the copy/);
});

Deno.test("what DR filled in itself is no difference", () => {
  const live = claim(sized("1Gi", { storageClassName: "standard", volumeMode: "Filesystem", volumeName: "pv-1" }));
  const { object, reports } = settleClaim(claim(sized("1Gi")), live);
  assert.deepEqual(reports, []);
  assert.deepEqual(object.spec, sized("1Gi", { storageClassName: "standard", volumeMode: "Filesystem" }));
});

Deno.test("claim templates keep class and modes by name; everything else of the StatefulSet is as wanted", () => {
  const set = (replicas: number, templates: object[]): KubeObject => ({
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "db" },
    spec: { replicas, volumeClaimTemplates: templates },
  });
  const template = (name: string, storageClassName: string, storage: string) => ({
    metadata: { name },
    spec: { storageClassName, resources: { requests: { storage } } },
  });
  const wanted = set(0, [template("log", "premium", "2Gi"), template("data", "premium", "2Gi")]);
  const live = set(3, [template("data", "standard", "1Gi")]);
  const { object, reports } = settleTemplates(wanted, live);
  const expected = set(0, [template("log", "premium", "2Gi"), template("data", "standard", "2Gi")]);
  assert.deepEqual(object, expected);
  assert.match(reports[0]?.message ?? "", /spec\.volumeClaimTemplates\[data\]\.spec\.storageClassName/);
  assert.deepEqual(settleTemplates(wanted, wanted), { object: wanted, reports: [] });
});
