import assert from "node:assert/strict";
import { createKubeClient } from "../../kube/client.ts";
import { parseInlineKubeconfig } from "../../kube/config.ts";
import { createTransport } from "../../kube/transport.ts";
import { systemClock } from "../../reconciler/clock.ts";
import { ClusterLink, type LinkState } from "../../reconciler/cluster_link.ts";
import { createMetrics } from "../../reconciler/metrics.ts";
import type { ClusterUse } from "../../reconciler/permission_review.ts";
import { memoryLog } from "../e2e/webhook_scene.ts";
import { startCluster } from "../rig/cluster.ts";
import { waitFor } from "../wait.ts";
import { type ApiProxy, startApiProxy } from "./api_proxy.ts";
import { startAuthorizer } from "./authorizer.ts";

const REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
const DEADLINE_MS = 60_000;

Deno.test("what a credential lacks is looked at beside the work", async () => {
  await using cluster = await startCluster({ name: "reviewed" });
  await cluster.kubectl(["create", "serviceaccount", "bare"]);
  const bind = ["create", "clusterrolebinding", "bare-view", "--clusterrole=view", "--serviceaccount=default:bare"];
  await cluster.kubectl(bind);
  const identity = ["create", "clusterrole", "see-identity", "--verb=get", "--resource=namespaces"];
  await cluster.kubectl(identity);
  const see = ["create", "clusterrolebinding", "see", "--clusterrole=see-identity", "--serviceaccount=default:bare"];
  await cluster.kubectl(see);
  await using proxy = startApiProxy(cluster);
  const reviews = countReviews(proxy);
  // Held back for longer than the probe takes, so that they pile up if nothing bounds them.
  proxy.inject(({ path }) => path === REVIEWS ? { do: "delay", delayMs: 300 } : undefined);
  const states: LinkState[] = [];
  const direct = await cluster.kubeconfigFor({ namespace: "default", serviceAccount: "bare" });
  const uses = Array.from({ length: 20 }, (_, index): ClusterUse => {
    return { namespace: `app-${index}`, use: "Standby", rbacObjects: true };
  });
  const link = linkTo(proxy.kubeconfig(direct), () => uses, states);
  try {
    await waitFor("what is missing", () => link.state.missingPermissions, { deadlineMs: DEADLINE_MS });
    const first = states.find(({ reachable }) => reachable);
    assert.equal(first?.missingPermissions, undefined, "work begins before anything is known of it");
    assert.match(link.state.missingPermissions?.join("; ") ?? "", /create, patch, delete on .*configmaps/);
    assert.equal(reviews.count, 20, "once for each namespace");
    assert.ok(reviews.most <= 4, `${reviews.most} at once`);
    for (let probes = 0; probes < 5; probes++) await link.probe();
    assert.equal(reviews.count, 20, "what is known is not asked at each probe, although something is missing");
    uses.push({ namespace: "app-new", use: "Standby", rbacObjects: true });
    await link.probe();
    await waitFor("the new namespace asked for", () => reviews.count === 21, { deadlineMs: DEADLINE_MS });
  } finally {
    link.close();
  }
});

Deno.test("rules that the server cannot list are asked for one by one", async () => {
  const user = "system:serviceaccount:default:granted";
  const asked = new Set<string>();
  await using authorizer = await startAuthorizer((question) => {
    if (question.user !== user) return false;
    asked.add(`${question.verb} ${question.group}/${question.resource} ${question.namespace}`);
    return question.verb !== "delete" || !["secrets", "*"].includes(question.resource);
  });
  await using cluster = await startCluster({ name: "authorized", extraApiServerArgs: authorizer.apiServerArgs });
  await cluster.kubectl(["create", "serviceaccount", "granted"]);
  const kubeconfig = await cluster.kubeconfigFor({ namespace: "default", serviceAccount: "granted" });
  const link = linkTo(kubeconfig, () => [{ namespace: "app", use: "Standby", rbacObjects: true }], []);
  try {
    const missing = await waitFor("an answer", () => link.state.missingPermissions, { deadlineMs: DEADLINE_MS });
    assert.deepEqual(missing, ["delete on secrets"]);
    assert.ok(asked.has("create */* "), [...asked].join(", "));
    assert.ok(!asked.has("create /configmaps app"), "what is allowed for everything is not asked for each kind");
  } finally {
    link.close();
  }
});

function linkTo(kubeconfig: string, uses: () => readonly ClusterUse[], states: LinkState[]): ClusterLink {
  const link = new ClusterLink({
    name: "dr",
    address: parseInlineKubeconfig(kubeconfig),
    connect: (to, onCall) => createKubeClient(createTransport(to, { onCall })),
    pinnedClusterId: () => undefined,
    uses,
    checkPermissions: true,
    clock: systemClock,
    log: memoryLog([]),
    metrics: createMetrics(),
    random: Math.random,
    changed: () => states.push(link.state),
  });
  link.start();
  return link;
}

function countReviews(proxy: ApiProxy): { readonly count: number; readonly most: number } {
  const seen = { count: 0, most: 0 };
  proxy.inject(({ path, underWay }) => {
    if (path !== REVIEWS) return undefined;
    seen.count++;
    seen.most = Math.max(seen.most, underWay + 1);
    return undefined;
  });
  return seen;
}
