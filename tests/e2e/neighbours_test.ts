/**
 * A Replication touches its own namespace: none whose name only looks like it, on either side, with a watch of its own or one that all
 * share.
 *
 * @module
 */
import assert from "node:assert/strict";
import { NAMESPACED_WATCHES } from "../../reconciler/watch_hub.ts";
import { waitFor } from "../wait.ts";
import { configMaps } from "./api.ts";
import { ClusterView } from "./cluster_view.ts";
import { DELETE_FREELY } from "./scenario.ts";
import { type Happening, watchHistory } from "../faults/history.ts";
import { type Scene, startScene } from "./scene.ts";
import { CONFIG_MAPS } from "./webhook_scene.ts";

const DEADLINE_MS = 120_000;
/** Names that begin, end or go on like `app`; nobody mirrors them. */
const NEIGHBOURS = ["app-prod", "prod-app", "ap", "apps", "app-dr"];

Deno.test("a namespace of a similar name is not touched", async (t) => {
  await using scene = await startScene();
  using dr = new ClusterView(scene.dr);
  for (const cluster of [scene.source, scene.dr]) {
    await scene.apply(NEIGHBOURS.map((name) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } })), cluster);
    for (const name of NEIGHBOURS) await scene.apply(configMaps(name, ["one", "two"], { of: cluster.name }), cluster);
  }
  const before = await marksOf(dr);
  const more = Array.from({ length: NAMESPACED_WATCHES }, (_, index) => `app-${index}`);
  const spaces = ["app", ...more, ...NEIGHBOURS];
  await using written = await watchHistory(scene.source, [CONFIG_MAPS], spaces);
  await using copied = await watchHistory(scene.dr, [CONFIG_MAPS], spaces);
  await scene.replicate("app", { deletion: DELETE_FREELY });
  await t.step("while each namespace has a watch of its own", async () => {
    await writeEverywhere(scene, ["app"], "first");
    assert.deepEqual(await marksOf(dr), before);
  });
  await t.step("while all share one", async () => {
    for (const name of more) await scene.replicate(name, { deletion: DELETE_FREELY });
    await writeEverywhere(scene, ["app", ...more], "second");
    assert.deepEqual(await marksOf(dr), before);
    const { stdout } = await scene.dr.kubectl(["get", "namespaces", "-o", "name"]);
    const names = stdout.trim().split("\n").map((line) => line.slice("namespace/".length));
    const ours = names.filter((name) => /app|ap$/.test(name)).sort();
    assert.deepEqual(ours, [...spaces].sort());
  });
  await t.step("nor did anything of another namespace pass through a copy", () => {
    assert.deepEqual([written.gap, copied.gap], [undefined, undefined]);
    assert.deepEqual(strangers(written.happenings, copied.happenings), []);
    assert.ok(copied.happenings.length > spaces.length);
  });
});

/** uid and resourceVersion of everything in the neighbours in DR. */
async function marksOf(dr: ClusterView): Promise<Record<string, string>> {
  const all = await Promise.all(
    NEIGHBOURS.map(async (namespace) =>
      [...await dr.objects(namespace)].map(([name, { metadata }]) =>
        [`${namespace}/${name}`, `${metadata.uid} ${metadata.resourceVersion}`] as const
      )
    ),
  );
  return Object.fromEntries(all.flat());
}

/** States of copies that were made from an object of another namespace, right again a moment later or not. */
function strangers(source: readonly Happening[], dr: readonly Happening[]): string[] {
  const home = new Map(source.map(({ uid, key }) => [uid, namespaceIn(key)]));
  return dr.filter(({ key, origin }) =>
    origin !== undefined && (home.get(origin) ?? namespaceIn(key)) !== namespaceIn(key)
  )
    .map(({ key, origin = "" }) => `${key} had the content of ${home.get(origin)}`);
}

/** The namespace in `Kind namespace/name`. */
function namespaceIn(key: string): string {
  return key.slice(key.indexOf(" ") + 1, key.indexOf("/"));
}

/** Creates, changes and deletes under the same names everywhere; resolves when the mirrored ones are as their own source. */
async function writeEverywhere(scene: Scene, mirrored: readonly string[], round: string): Promise<void> {
  const spaces = [...mirrored, ...NEIGHBOURS];
  for (const name of spaces) await scene.apply(configMaps(name, ["one", "two", "three"], { of: name, round: "none" }));
  for (const name of mirrored) await scene.until(scene.dr, "configmap", "three", name, undefined, DEADLINE_MS);
  await scene.apply(spaces.flatMap((name) => configMaps(name, ["one", "two", "new"], { of: name, round })));
  for (const name of spaces) await scene.source.kubectl(["delete", "configmap", "three", "-n", name]);
  for (const name of mirrored) {
    await waitFor(`${name} in DR as its source`, async () => {
      const maps = (await scene.list(scene.dr, "configmaps", name)).filter(({ data }) => data?.of !== undefined);
      const told = maps.map(({ metadata, data }) => `${metadata.name} ${data.of} ${data.round}`);
      return told.join() === ["new", "one", "two"].map((one) => `${one} ${name} ${round}`).join();
    }, { deadlineMs: DEADLINE_MS });
  }
}
