import assert from "node:assert/strict";
import denoJson from "../../deno.json" with { type: "json" };
import { pvc, pvcSync } from "../../crds/schema/volumes.ts";
import type { RemoteCluster, Replication } from "../../crds/types.ts";
import { hasVolumes, volumeSettingsOf } from "./volume_settings.ts";

function replication(spec: object | undefined, status?: object): Replication {
  return { spec: spec === undefined ? {} : { pvc: pvc.parse(spec) }, status } as Replication;
}

function remote(spec: object): RemoteCluster {
  return { spec: { pvcSync: pvcSync.parse(spec) } } as RemoteCluster;
}

Deno.test("without a word, data is not copied, and agents would run the image of this version", () => {
  const settings = volumeSettingsOf(replication(undefined), undefined);
  assert.deepEqual(settings, {
    enabled: false,
    image: { name: `dr-syncer-agent:${denoJson.version}`, pullPolicy: "IfNotPresent" },
    path: "Auto",
    concurrency: 4,
    bandwidthKiBps: undefined,
    excludes: [],
  });
});

Deno.test("the Replication's limit goes before that of the cluster", () => {
  const image = { repository: "r.example/agent", tag: "x" };
  const cluster = remote({ bandwidthLimit: "2Mi", concurrency: 1, path: "Tunnel", image });
  assert.equal(volumeSettingsOf(replication({ bandwidthLimit: "512Ki" }), cluster).bandwidthKiBps, 512);
  const settings = volumeSettingsOf(replication({ syncData: true, exclude: ["/tmp/"] }), cluster);
  assert.deepEqual(settings, {
    enabled: true,
    image: { name: "r.example/agent:x", pullPolicy: "IfNotPresent" },
    path: "Tunnel",
    concurrency: 1,
    bandwidthKiBps: 2_048,
    excludes: ["/tmp/"],
  });
});

Deno.test("volumes are a matter where data is copied, or was", () => {
  assert.equal(hasVolumes(replication({ syncData: true })), true);
  assert.equal(hasVolumes(replication({ syncData: false }, { volumes: [] })), true);
  assert.equal(hasVolumes(replication({ syncData: false }, {})), false);
  assert.equal(hasVolumes(replication(undefined)), false);
});
