/**
 * The order in which the first sync of a Continuous Replication writes, as the DR cluster sees it.
 */
import assert from "node:assert/strict";
import { createKubeClient } from "../../kube/client.ts";
import { parseInlineKubeconfig } from "../../kube/config.ts";
import { createTransport } from "../../kube/transport.ts";
import { groupResource, type ResourceType } from "../../kube/types.ts";
import type { Cluster } from "../rig/cluster.ts";
import { waitFor } from "../wait.ts";
import { numbered } from "./api.ts";
import { startSafetyScene } from "./safety.ts";

/** Kinds of the application, in the order of the tiers. */
const KINDS = [
  ["limitranges"],
  ["roles.rbac.authorization.k8s.io"],
  ["serviceaccounts"],
  ["rolebindings.rbac.authorization.k8s.io"],
  ["secrets", "configmaps"],
  ["services"],
  ["networkpolicies.networking.k8s.io"],
  ["deployments.apps"],
  ["poddisruptionbudgets.policy"],
  ["ingresses.networking.k8s.io"],
];
/** More of all together than are worked on at once. */
const EACH = 8;
const DEADLINE_MS = 90_000;

Deno.test("a first sync writes what others depend on before them", async () => {
  await using safety = await startSafetyScene();
  const name = "first-order";
  await safety.scene.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name } }, ...application(name)]);
  using watched = await watchCreates(safety.scene.dr, name);
  await safety.scene.replicate(name);
  await safety.source.condition("replications", name, { type: "Synced", status: "True" }, DEADLINE_MS);
  const all = KINDS.flat().length * EACH;
  await waitFor("every create in DR", () => watched.creates.size >= all, { deadlineMs: DEADLINE_MS });
  const kinds = inOrder(watched.creates);
  const tiers = kinds.map((kind) => KINDS.findIndex((names) => names.includes(kind)));
  assert.deepEqual(tiers, [...tiers].sort((a, b) => a - b), kinds.join("\n"));
});

/** Creates as watches of a namespace tell them: kind and name, with the resourceVersion, which all kinds share. */
async function watchCreates(cluster: Cluster, namespace: string) {
  const client = createKubeClient(createTransport(parseInlineKubeconfig(cluster.kubeconfig)));
  const abort = new AbortController();
  const creates = new Map<string, number>();
  const { types } = await client.discover();
  const isMeant = (type: ResourceType) => KINDS.flat().includes(groupResource(type));
  const watches = types.filter(isMeant).map((type) =>
    client.watch(type, { namespace, start: "list", metadataOnly: true }, {
      live: () => {},
      event: ({ type: what, object: { metadata } }) => {
        if (what !== "Added" || !metadata.name.startsWith("app-")) return;
        creates.set(`${groupResource(type)} ${metadata.name}`, Number(metadata.resourceVersion));
      },
    }, abort.signal)
  );
  assert.equal(watches.length, KINDS.flat().length);
  return {
    creates,
    [Symbol.dispose]() {
      abort.abort();
      client.close();
    },
  };
}

function inOrder(creates: ReadonlyMap<string, number>): string[] {
  return [...creates].sort(([, a], [, b]) => a - b).map(([key]) => key.split(" ")[0] ?? "");
}

function application(namespace: string): object[] {
  const rbac = "rbac.authorization.k8s.io";
  return numbered("app", EACH).flatMap((name) => {
    const metadata = { name, namespace };
    const of = (apiVersion: string, kind: string, rest: object) => ({ apiVersion, kind, metadata, ...rest });
    const selector = { matchLabels: { app: name } };
    const containers = [{ name: "web", image: "registry.example.com/web:1" }];
    const template = { metadata: { labels: { app: name } }, spec: { containers } };
    const backend = { service: { name, port: { number: 80 } } };
    return [
      of("networking.k8s.io/v1", "Ingress", { spec: { defaultBackend: backend } }),
      of("policy/v1", "PodDisruptionBudget", { spec: { minAvailable: 1, selector } }),
      of("apps/v1", "Deployment", { spec: { replicas: 0, selector, template } }),
      of("networking.k8s.io/v1", "NetworkPolicy", { spec: { podSelector: selector } }),
      of("v1", "Service", { spec: { ports: [{ port: 80 }], selector: { app: name } } }),
      of("v1", "ConfigMap", { data: { key: name } }),
      of("v1", "Secret", { stringData: { key: name } }),
      of(`${rbac}/v1`, "RoleBinding", { roleRef: { apiGroup: rbac, kind: "Role", name } }),
      of("v1", "ServiceAccount", {}),
      of(`${rbac}/v1`, "Role", { rules: [] }),
      of("v1", "LimitRange", { spec: { limits: [{ type: "Container", default: { cpu: "1" } }] } }),
    ];
  });
}
