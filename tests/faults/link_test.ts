import assert from "node:assert/strict";
import { createKubeClient } from "../../kube/client.ts";
import { type ClusterAddress, parseInlineKubeconfig } from "../../kube/config.ts";
import { createTransport } from "../../kube/transport.ts";
import { systemClock } from "../../reconciler/clock.ts";
import { NAMESPACES } from "../../reconciler/builtin_types.ts";
import { ClusterLink } from "../../reconciler/cluster_link.ts";
import { createMetrics, type Metrics } from "../../reconciler/metrics.ts";
import { memoryLog } from "../e2e/webhook_scene.ts";
import { addressOf } from "../kube/connections.ts";
import { startCluster } from "../rig/cluster.ts";
import { waitFor } from "../wait.ts";
import { startApiProxy } from "./api_proxy.ts";
import { type FaultProxy, startProxy } from "./proxy.ts";

Deno.test("a cluster that does not answer", async (t) => {
  await using cluster = await startCluster({ name: "link" });
  const { hostname, port } = new URL(cluster.server);
  await using proxy = await startProxy({ hostname, port: Number(port) });
  const metrics = createMetrics();
  const link = linkTo(addressOf(cluster, proxy), metrics);
  try {
    await waitFor("the cluster", () => link.state.reachable, { deadlineMs: 10_000 });
    await t.step("is asked nothing more from the first call on that got no answer", () => pausesAtOnce(link, proxy));
    await t.step("is called unreachable when the probe gets none either", () => isLost(link, proxy));
    await t.step("is used again once a probe is answered", () => comesBack(link, proxy));
    const text = await metrics.registry.metrics();
    assert.match(text, /dr_syncer_target_concurrency\{cluster="dr"\} \d+/);
  } finally {
    link.close();
  }
  assert.doesNotMatch(
    await metrics.registry.metrics(),
    /target_(up|concurrency)\{cluster="dr"\}/,
    "nobody keeps this up to date any more",
  );
});

Deno.test("a cluster that does not tell in time which it is", async () => {
  await using cluster = await startCluster({ name: "link" });
  await using proxy = startApiProxy(cluster);
  const link = linkTo(parseInlineKubeconfig(proxy.kubeconfig(cluster.kubeconfig)), createMetrics());
  try {
    await waitFor("the cluster", () => link.state.reachable, { deadlineMs: 20_000 });
    // Longer than a probe may take, shorter than other calls may.
    proxy.inject(({ path }) => path.endsWith("/kube-system") ? { do: "delay", delayMs: 12_000 } : undefined);
    void link.probe();
    await waitFor("the probe given up", () => link.state.reachable === false, { deadlineMs: 25_000 });
    assert.match(link.state.error?.message ?? "", /kube-system: no answer in time/);
  } finally {
    link.close();
  }
});

function linkTo(address: ClusterAddress, metrics: Metrics): ClusterLink {
  const link = new ClusterLink({
    name: "dr",
    address,
    connect: (to, onCall) => createKubeClient(createTransport(to, { onCall })),
    pinnedClusterId: () => undefined,
    uses: () => [],
    checkPermissions: false,
    clock: systemClock,
    log: memoryLog([]),
    metrics,
    random: Math.random,
    changed: () => {},
  });
  link.start();
  return link;
}

/** A call as any Replication makes it. */
async function goesUnanswered(link: ClusterLink): Promise<void> {
  const call = link.cluster?.client.get(NAMESPACES, { name: "default" }, { deadlineMs: 500 });
  await assert.rejects(async () => await call);
}

async function pausesAtOnce(link: ClusterLink, proxy: FaultProxy): Promise<void> {
  proxy.freeze({ newToo: true });
  await goesUnanswered(link);
  assert.deepEqual([paused(link), link.state.reachable], [true, true]);
  proxy.thaw();
  await waitFor("the answer to the probe", () => !paused(link), { deadlineMs: 5_000 });
  assert.equal(link.state.reachable, true);
}

async function isLost(link: ClusterLink, proxy: FaultProxy): Promise<void> {
  proxy.freeze({ newToo: true });
  await goesUnanswered(link);
  await waitFor("the probe given up", () => link.state.reachable === false, { deadlineMs: 10_000 });
  assert.deepEqual([paused(link), link.state.error?.reason], [true, "Unreachable"]);
  const sinceWallMs = link.state.unreachableSinceWallMs;
  await proxy.refuse();
  const accepted = proxy.accepted;
  proxy.thaw();
  await proxy.accept();
  proxy.freeze({ newToo: true });
  await waitFor("another probe", () => proxy.accepted > accepted, { deadlineMs: 20_000 });
  assert.deepEqual([paused(link), link.state.unreachableSinceWallMs], [true, sinceWallMs]);
  // Each probe that got no answer halves what the cluster is asked.
  assert.ok((link.cluster?.dispatcher.limit ?? 0) < 16);
}

async function comesBack(link: ClusterLink, proxy: FaultProxy): Promise<void> {
  proxy.thaw();
  await waitFor("the cluster again", () => link.state.reachable && !paused(link), { deadlineMs: 40_000 });
  assert.equal(link.state.unreachableSinceWallMs, undefined);
}

function paused(link: ClusterLink): boolean | undefined {
  return link.cluster?.dispatcher.paused;
}
