/**
 * What an idle mirror asks of its source: a few light reads a second for all Replications together, and they prove enough.
 *
 * @module
 */
import assert from "node:assert/strict";
import { MAX_LIMIT } from "../../kube/list_all.ts";
import { PAUSE_MS } from "../../reconciler/proof.ts";
import type { Scene } from "../e2e/scene.ts";
import { waitFor } from "../wait.ts";
import { type ApiCall, type ApiProxy, statusBody } from "./api_proxy.ts";
import { startApiScene } from "./api_scene.ts";

const CONTROL = "dr-syncer-system";
const NAMESPACES = ["shop", "bank", "mail", "blog", "wiki", "chat"];
/** As long as this without a comparison of a namespace's kind, and all of them are over. */
const QUIET_MS = 8_000;
const PROOF_DEADLINE_MS = 150_000;

/** A list of metadata, as a proof asks for: whole objects are listed in smaller pages. */
interface Listed {
  readonly kind: string;
  readonly wide: boolean;
  readonly atMs: number;
}

/** Notes each list from now on. */
function noteLists(proxy: ApiProxy): Listed[] {
  const lists: Listed[] = [];
  proxy.inject(({ method, path, query, watch }) => {
    if (method !== "GET" || watch || query.get("limit") !== String(MAX_LIMIT)) return undefined;
    const parts = path.split("/");
    lists.push({ kind: parts.at(-1) ?? "", wide: !parts.includes("namespaces"), atMs: performance.now() });
    return undefined;
  });
  return lists;
}

const refuseWideConfigMaps = ({ path, query, watch }: ApiCall) =>
  path === "/api/v1/configmaps" && !watch && query.has("limit")
    ? { do: "answer", status: 403, body: statusBody(403, "Forbidden", "configmaps is forbidden") } as const
    : undefined;

Deno.test("an idle mirror reads its source a few times a second, for all Replications together", async (t) => {
  await using api = await startApiScene("source", { flags: ["--resync-interval", "60"] });
  const { scene, proxy } = api;
  proxy.inject(refuseWideConfigMaps);
  const lists = noteLists(proxy);
  for (const namespace of NAMESPACES) {
    await scene.replicate(namespace);
    const metadata = { name: "settings", namespace };
    await scene.apply([{ apiVersion: "v1", kind: "ConfigMap", metadata, data: { a: "1" } }]);
  }
  for (const namespace of NAMESPACES) await scene.condition(namespace, "Synced", "True");
  await untilIdle(lists);
  const fromIndex = lists.length;
  const [startedMs, startedWallMs] = [performance.now(), Date.now()];
  await t.step("syncedUpTo of each moves on", () => untilProven(scene, startedWallMs));
  const elapsedMs = performance.now() - startedMs;
  const seen = lists.slice(fromIndex);
  await t.step("at no more than five reads a second", () => {
    assert.ok(seen.length <= elapsedMs / PAUSE_MS + 1, `${seen.length} lists in ${elapsedMs} ms`);
  });
  await t.step("one read serves all, but where the whole cluster must not be read", () => {
    assert.deepEqual([...new Set(seen.filter(({ wide }) => !wide).map(({ kind }) => kind))], ["configmaps"]);
    assert.ok(seen.some(({ kind, wide }) => wide && kind === "secrets"));
  });
});

/** The watches of the copies begin with a comparison each, which lists the kind of one namespace. */
async function untilIdle(lists: readonly Listed[]): Promise<void> {
  await waitFor("the comparisons to be over", () => {
    const last = lists.findLast(({ wide, kind }) => !wide && kind !== "configmaps");
    return last !== undefined && performance.now() - last.atMs > QUIET_MS;
  }, { deadlineMs: 60_000, pollMs: 200 });
}

async function untilProven(scene: Scene, afterWallMs: number): Promise<void> {
  for (const namespace of NAMESPACES) {
    const labels = { replication: `${CONTROL}/${namespace}` };
    await waitFor(`a proof for ${namespace}`, async () => {
      return await scene.controller.metric("dr_syncer_synced_up_to_seconds", labels) * 1_000 > afterWallMs;
    }, { deadlineMs: PROOF_DEADLINE_MS, pollMs: 500 });
  }
}
