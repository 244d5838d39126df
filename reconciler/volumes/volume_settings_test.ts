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
    schedule: undefined,
    timeZone: undefined,
    verification: { mode: "None", intervalMs: 604_800_000 },
    retry: { initialMs: 10_000, maxMs: 1_800_000, most: undefined },
    pods: undefined,
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
    schedule: undefined,
    timeZone: undefined,
    verification: { mode: "None", intervalMs: 604_800_000 },
    retry: { initialMs: 10_000, maxMs: 1_800_000, most: undefined },
    pods: undefined,
    excludes: ["/tmp/"],
  });
});

Deno.test("volumes are a matter where data is copied, or was", () => {
  assert.equal(hasVolumes(replication({ syncData: true })), true);
  assert.equal(hasVolumes(replication({ syncData: false }, { volumes: [] })), true);
  assert.equal(hasVolumes(replication({ syncData: false }, {})), false);
  assert.equal(hasVolumes(replication(undefined)), false);
});

Deno.test("passes have a schedule in the Replication's time zone", () => {
  const object = replication({ syncData: true, trigger: { schedule: "0 2 * * *" } });
  const { schedule, timeZone } = volumeSettingsOf(
    { ...object, spec: { ...object.spec, timeZone: "Europe/Berlin" } },
    undefined,
  );
  assert.deepEqual([schedule, timeZone], ["0 2 * * *", "Europe/Berlin"]);
});

Deno.test("how often a pass is tried again is a matter of the DR cluster", () => {
  const { retry } = volumeSettingsOf(
    replication({ syncData: true }),
    remote({ retry: { initialDelay: "1m", maxRetries: 3 } }),
  );
  assert.deepEqual(retry, { initialMs: 60_000, maxMs: 1_800_000, most: 3 });
});
