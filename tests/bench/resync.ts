/**
 * A resync that finds nothing changed, beside two paged lists.
 *
 * @module
 */
import { SYNC_NOW } from "../../crds/keys.ts";
import { REPLICATIONS } from "../../crds/resource_types.ts";
import type { KubeClient, ListQuery, ResourceType } from "../../kube/types.ts";
import { planKinds } from "../../reconciler/kinds.ts";
import { waitFor } from "../wait.ts";
import { measureCores } from "./process_figures.ts";
import type { Stage } from "./stage.ts";
import { median } from "./statistics.ts";

/** Figures of resyncs of one namespace. */
export interface ResyncFigures {
  readonly objects: number;
  /** Median duration, as the controller itself measures it (`dr_syncer_resync_seconds`). */
  readonly ms: number;
  readonly limitMs: number;
  /** Kinds that are listed, most of them empty. */
  readonly kinds: number;
  /** Writes that the controller counted, and copies whose resourceVersion changed: both must be 0. */
  readonly writes: number;
  readonly changedCopies: number;
  readonly cores: Readonly<Record<string, number>>;
}

const PAGE = 500;
const DEADLINE_MS = 120_000;

/** Asks for `times` resyncs of a namespace in sync, each after a measurement of the limit. */
export async function measureResync(stage: Stage, namespace: string, times: number): Promise<ResyncFigures> {
  const { controller } = stage.scene;
  await stage.scene.condition(namespace, "Synced", "True");
  const kinds = await findKinds(stage);
  const before = await readVersions(stage.dr.client, kinds.map(({ target }) => target), namespace);
  const writesBefore = await controller.metric("dr_syncer_writes_total");
  const [resyncMs, limitMs]: [number[], number[]] = [[], []];
  const { cores } = await measureCores(stage.pids, async () => {
    for (let time = 0; time < times; time++) {
      limitMs.push(await twoLists(stage, kinds, namespace));
      resyncMs.push(await resyncOnce(stage, namespace, `${time}-${crypto.randomUUID()}`));
    }
  });
  const after = await readVersions(stage.dr.client, kinds.map(({ target }) => target), namespace);
  return {
    objects: after.size,
    ms: median(resyncMs),
    limitMs: median(limitMs),
    kinds: kinds.length,
    writes: await controller.metric("dr_syncer_writes_total") - writesBefore,
    changedCopies: [...after].filter(([key, version]) => before.get(key) !== version).length,
    cores,
  };
}

interface KindPair {
  readonly source: ResourceType;
  readonly target: ResourceType;
}

/** Every kind that the mirror follows between these clusters. */
async function findKinds({ source, dr }: Stage): Promise<KindPair[]> {
  const ends = { source: await source.client.discover(), target: await dr.client.discover() };
  return planKinds({ ...ends, selected: "*", deselected: new Set() }).kinds
    .flatMap(({ source, target }) => target === undefined ? [] : [{ source, target }]);
}

/** Asks for one resync and waits for its end; its duration in milliseconds, as the controller measured it. */
export async function resyncOnce({ source, scene }: Stage, namespace: string, value: string): Promise<number> {
  const labels = { replication: `dr-syncer-system/${namespace}` };
  const read = async () => ({
    count: await scene.controller.metric("dr_syncer_resync_seconds_count", labels),
    sumSeconds: await scene.controller.metric("dr_syncer_resync_seconds_sum", labels),
  });
  const before = await read();
  const ref = { namespace: "dr-syncer-system", name: namespace };
  const body = { metadata: { annotations: { [SYNC_NOW]: value } } };
  await source.client.patch(REPLICATIONS, ref, { type: "merge", body });
  const after = await waitFor("the end of the resync", async () => {
    const now = await read();
    return now.count > before.count && now;
  }, { deadlineMs: DEADLINE_MS, pollMs: 200 });
  return (after.sumSeconds - before.sumSeconds) / (after.count - before.count) * 1_000;
}

/** All kinds of the source namespace, then all of the DR namespace: page after page, parsed, one request at a time. */
async function twoLists({ source, dr }: Stage, kinds: readonly KindPair[], namespace: string): Promise<number> {
  const startMs = performance.now();
  for (const kind of kinds) await readPages(source.client, kind.source, { namespace });
  for (const kind of kinds) await readPages(dr.client, kind.target, { namespace });
  return performance.now() - startMs;
}

async function readPages(
  client: KubeClient,
  type: ResourceType,
  query: ListQuery,
  each: (page: Page) => void = () => {},
) {
  let more: string | undefined;
  do {
    const page: Page = await client.list(type, { ...query, limit: PAGE, continue: more });
    each(page);
    more = page.continue;
  } while (more !== undefined);
}

type Page = Awaited<ReturnType<KubeClient["list"]>>;

async function readVersions(client: KubeClient, types: readonly ResourceType[], namespace: string) {
  const versions = new Map<string, string | undefined>();
  for (const type of types) {
    await readPages(client, type, { namespace, metadataOnly: true }, (page) => {
      for (const { metadata } of page.items) versions.set(`${type.kind}/${metadata.name}`, metadata.resourceVersion);
    });
  }
  return versions;
}
