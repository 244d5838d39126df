import assert from "node:assert/strict";
import { MANAGED_BY } from "../../crds/keys.ts";
import { createKubeClient } from "../../kube/client.ts";
import { createTransport } from "../../kube/transport.ts";
import { CLAIMS } from "../../reconciler/builtin_types.ts";
import { planClaims } from "../../reconciler/volumes/claim_plan.ts";
import { openRound } from "../../reconciler/volumes/volume_round.ts";
import { addressOf } from "../kube/connections.ts";
import { startCluster } from "../rig/cluster.ts";

const REPLICATION_ID = "0123456789ab";
const DEADLINE_MS = 60_000;

Deno.test("a claim is looked at again when its turn comes", async (t) => {
  await using cluster = await startCluster({ name: "volume-round" });
  const client = createKubeClient(createTransport(addressOf(cluster)));
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const resources = { requests: { storage: "1Mi" } };
  for (const namespace of ["shop", "shop-dr"]) {
    await cluster.kubectl(["create", "namespace", namespace]);
    const labels: Record<string, string> = namespace === "shop" ? {} : { [MANAGED_BY]: REPLICATION_ID };
    const metadata = { name: "data", namespace, labels };
    const spec = { accessModes: ["ReadWriteOnce"], resources, volumeName: "data", storageClassName: "" };
    await client.create(CLAIMS, { apiVersion: "v1", kind: "PersistentVolumeClaim", metadata, spec });
  }
  const identity = { sourceNamespace: "shop", destinationNamespace: "shop-dr", replicationId: REPLICATION_ID };
  const round = await openRound({ source: { client }, target: { client }, identity }, signal);

  await t.step("what it has become counts: bound", async () => {
    assert.deepEqual(planClaims(round.facts()).map(({ kind }) => kind), ["leave"]);
    const body = { status: { phase: "Bound" } };
    await client.patch(CLAIMS, { namespace: "shop", name: "data" }, { type: "merge", body }, { subresource: "status" });
    assert.deepEqual(planClaims(await round.look("data")).map(({ kind }) => kind), ["copy"]);
  });

  await t.step("a copy that is not ours any more is left alone", async () => {
    const body = { metadata: { labels: { [MANAGED_BY]: null } } };
    await client.patch(CLAIMS, { namespace: "shop-dr", name: "data" }, { type: "merge", body });
    assert.deepEqual(planClaims(await round.look("data")), []);
  });

  await t.step("a claim that is gone is no error", async () => {
    assert.deepEqual(planClaims(await round.look("other")), []);
  });

  round.end();
  client.close();
});
