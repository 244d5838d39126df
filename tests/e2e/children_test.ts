/**
 * Children of a Replication with a selector: they begin when their namespace gets the label, not when somebody looks next, and they end
 * as the parent says.
 *
 * @module
 */
import assert from "node:assert/strict";
import { REMOTE_CLUSTERS, REPLICATIONS } from "../../crds/resource_types.ts";
import { type Happening, type History, watchHistory } from "../faults/history.ts";
import { waitFor } from "../wait.ts";
import { Api, configMaps, CONTROL } from "./api.ts";
import { replication, type Scene, startScene } from "./scene.ts";

/** Rounds in which nothing else happened; and how many are tried. */
const CLEAN_ROUNDS = 3;
const MOST_ROUNDS = 12;
/** A family looks at its namespaces this long after it last did, if nothing rings; and some time to measure it. */
const TICK_MS = 30_000;
const MARGIN_MS = 5_000;
const DEADLINE_MS = 60_000;
const CLEAN = "by its label";

interface Family {
  readonly scene: Scene;
  readonly source: Api;
  readonly dr: Api;
}

Deno.test("children of a Replication with a selector", async (t) => {
  await using scene = await startScene();
  using source = new Api(scene.source);
  using dr = new Api(scene.dr);
  const family: Family = { scene, source, dr };
  await t.step("one comes because its namespace gets the label, and for nothing else", () => comeByLabel(family));
  await t.step("onDelete: Delete: a namespace that leaves takes its copies along, and no more", () => leaves(family));
});

/** What else lets a family look: an event of a Replication or RemoteCluster, and its tick. Rounds with one of these do not count. */
async function comeByLabel(family: Family): Promise<void> {
  const { scene } = family;
  await parent(family, "apps", {});
  await family.source.condition("replications", "apps", { type: "Ready", status: "True", reason: "NothingSelected" });
  await using history = await watchHistory(scene.source, [REPLICATIONS, REMOTE_CLUSTERS], [CONTROL]);
  const told: string[] = [];
  for (let round = 0; told.filter((line) => line === CLEAN).length < CLEAN_ROUNDS; round++) {
    assert.ok(round < MOST_ROUNDS, told.join("\n"));
    const name = `round-${round}`;
    await scene.source.kubectl(["create", "namespace", name]);
    // It looks now: not by its tick for a while.
    const before = history.happenings.length;
    await scene.source.kubectl(["annotate", "repl", "apps", "-n", CONTROL, "--overwrite", `round=${round}`]);
    await until(history, "the parent", before, ({ key }) => key.endsWith("/apps"));
    const startedMs = performance.now();
    const labelled = history.happenings.length;
    await scene.source.kubectl(["label", "namespace", name, "family=apps"]);
    const at = await until(history, "the child", labelled, ({ key }) => key.endsWith(`/apps.${name}`));
    const between = history.happenings.slice(labelled, at).map(({ key }) => key);
    const isEarly = performance.now() - startedMs < TICK_MS - MARGIN_MS;
    told.push(
      between.length === 0 && isEarly ? CLEAN : `${name}: ${isEarly ? "" : "late, "}after ${between.join(", ")}`,
    );
    await family.source.condition("replications", `apps.${name}`, { type: "Synced", status: "True" });
  }
  assert.equal(history.gap, undefined);
}

/** Waits for an event; answers its index. */
async function until(
  { happenings }: History,
  what: string,
  from: number,
  isIt: (happening: Happening) => boolean,
): Promise<number> {
  const find = () => happenings.findIndex((happening, index) => index >= from && isIt(happening));
  await waitFor(what, () => find() >= 0, { deadlineMs: DEADLINE_MS, pollMs: 5 });
  return find();
}

async function leaves(family: Family): Promise<void> {
  const { scene, source, dr } = family;
  const name = "leaving";
  await parent(family, "ends", { onDelete: "Delete" });
  await scene.source.kubectl(["create", "namespace", name]);
  await scene.source.kubectl(["label", "namespace", name, "family=ends"]);
  await scene.apply(configMaps(name, ["a", "b"]));
  for (const map of ["a", "b"]) await dr.until("configmaps", name, map);
  await scene.apply(configMaps(name, ["theirs"]), scene.dr);
  const { theirs } = await dr.versions("configmaps", name);
  await source.condition("replications", `ends.${name}`, { type: "Synced", status: "True" });
  await scene.source.kubectl(["label", "namespace", name, "family-"]);
  await source.untilGone("replications", CONTROL, `ends.${name}`);
  assert.deepEqual(await dr.versions("configmaps", name), { theirs });
  assert.ok(await dr.namespace(name), "a namespace is never deleted");
  assert.equal((await source.list("configmaps", name)).length, 2, "the source is what it was");
}

async function parent({ scene }: Family, name: string, spec: object): Promise<void> {
  const sourceNamespaceSelector = { matchLabels: { family: name } };
  const deletion = { grace: "0s", budget: { percent: 100 } };
  await scene.apply([replication(name, { destinationCluster: "dr", sourceNamespaceSelector, deletion, ...spec })]);
}
