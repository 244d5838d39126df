import assert from "node:assert/strict";
import { Api, configMaps } from "../e2e/api.ts";
import { waitFor } from "../wait.ts";
import { startApiScene } from "./api_scene.ts";

const DEADLINE_MS = 90_000;
/** Longer than a proof is believed. */
const PROOF_OVER_MS = 4_000;

Deno.test("a watch of the fence that is half-open lets nothing new into a namespace that was activated", async () => {
  await using api = await startApiScene("dr");
  const { scene, proxy } = api;
  using source = new Api(scene.source);
  using dr = new Api(scene.dr);
  await scene.replicate("halved");
  await scene.apply(configMaps("halved", ["before"]));
  await dr.until("configmaps", "halved", "before");
  await source.condition("replications", "halved", { type: "Synced", status: "True" });
  const fence = "/apis/coordination.k8s.io/v1/namespaces/halved/leases";
  let [muted, lastProofMs] = [0, performance.now()];
  proxy.inject(({ path, watch }) => {
    if (path.startsWith(`${fence}/`)) lastProofMs = performance.now();
    if (!watch || path !== fence) return undefined;
    muted++;
    return { do: "mute" };
  });
  proxy.breakWatches();
  await waitFor("the watch of the fence opened again", () => muted > 0, { deadlineMs: DEADLINE_MS });
  const isOld = () => performance.now() - lastProofMs > PROOF_OVER_MS;
  await waitFor("no proof for a while", isOld, { deadlineMs: DEADLINE_MS });
  const activate = ["annotate", "--overwrite", "lease", "dr-syncer", "-n", "halved", "dr-syncer.io/role=Active"];
  await scene.dr.kubectl(activate);
  await scene.apply(configMaps("halved", ["after"]));
  const isNoticed = ({ status }: { status?: { role?: string } }) => status?.role === "Active";
  await source.until("replications", "dr-syncer-system", "halved", isNoticed, DEADLINE_MS);
  assert.equal(await dr.get("configmaps", "halved", "after"), undefined);
});
