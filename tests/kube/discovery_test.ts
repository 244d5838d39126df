import assert from "node:assert/strict";
import { discover, findType, resolveTypes } from "../../kube/discovery.ts";
import { createTransport, type Transport } from "../../kube/transport.ts";
import { type Discovery, groupResource } from "../../kube/types.ts";
import { type Cluster, startCluster } from "../rig/cluster.ts";
import { waitFor } from "../wait.ts";
import { addressOf } from "./connections.ts";

for (const version of ["1.36", "1.30"]) {
  Deno.test(`discovery against API server ${version}`, async (t) => {
    await using cluster = await startCluster({ name: "discovery", version });
    const transport = createTransport(addressOf(cluster));
    await t.step("every kind comes in two requests", () => takesTwoRequests(transport));
    await t.step("the old, one-request-a-group discovery finds the same", () => equalsLegacy(transport));
    await t.step("a custom resource appears, its preferred version first", () => findsCustom(cluster, transport));
    await t.step("spellings mean what kubectl takes them for", () => resolvesSpellings(transport));
    await t.step("a group whose server is down is stale, in both discoveries", () => reportsStale(cluster, transport));
    transport.close();
  });
}

async function takesTwoRequests(transport: Transport): Promise<void> {
  let requests = 0;
  const counting: Transport = Object.create(transport, {
    request: {
      value: (call: Parameters<Transport["request"]>[0]) => {
        requests++;
        return transport.request(call);
      },
    },
  });
  const discovery = await discover(counting);
  assert.equal(requests, 2);
  assert.deepEqual(discovery.stale, []);
  const deployment = findType(discovery, { group: "apps", kind: "Deployment" });
  assert.deepEqual({ ...deployment, verbs: deployment?.verbs.toSorted() }, {
    group: "apps",
    version: "v1",
    resource: "deployments",
    kind: "Deployment",
    singular: "deployment",
    shortNames: ["deploy"],
    namespaced: true,
    verbs: ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
    subresources: ["scale", "status"],
  });
  assert.deepEqual(discovery.versions.get("horizontalpodautoscalers.autoscaling"), ["v2", "v1"]);
  assert.equal(findType(discovery, { group: "", kind: "Namespace" })?.namespaced, false);
  assert.equal(findType(discovery, { group: "extensions", kind: "Deployment" }), undefined);
}

async function equalsLegacy(transport: Transport): Promise<void> {
  assert.deepEqual(sorted(await discover(withoutAggregation(transport))), sorted(await discover(transport)));
}

async function findsCustom(cluster: Cluster, transport: Transport): Promise<void> {
  await cluster.kubectl(["apply", "-f", "-"], { stdin: gadgets });
  const find = async () => {
    const discovery = await discover(transport);
    return findType(discovery, { group: "test.example", kind: "Gadget" }) && discovery;
  };
  const discovery = await waitFor("the custom resource served", find, { deadlineMs: 20_000 });
  const gadget = findType(discovery, { group: "test.example", kind: "Gadget" });
  assert.deepEqual([gadget?.version, gadget?.subresources], ["v1", ["status"]]);
  assert.deepEqual(discovery.versions.get("gadgets.test.example"), ["v1", "v1beta2"]);
}

async function resolvesSpellings(transport: Transport): Promise<void> {
  const discovery = await discover(transport);
  const resolve = (spelling: string) =>
    resolveTypes(discovery, spelling).map((type) => `${groupResource(type)} ${type.version}`);
  const meanings: Record<string, string[]> = {
    "deploy": ["deployments.apps v1"],
    "Deployments": ["deployments.apps v1"],
    "DEPLOYMENT": ["deployments.apps v1"],
    "deployment.apps": ["deployments.apps v1"],
    "Deployment.v1.apps": ["deployments.apps v1"],
    "deployments.extensions": [],
    "deployments.v2.apps": [],
    "hpa": ["horizontalpodautoscalers.autoscaling v2"],
    "hpa.v1.autoscaling": ["horizontalpodautoscalers.autoscaling v1"],
    "cm": ["configmaps v1"],
    "configmaps.": ["configmaps v1"],
    "configmaps.v1": ["configmaps v1"],
    "po.v1.": ["pods v1"],
    "events": ["events v1", "events.events.k8s.io v1"],
    "events.events.k8s.io": ["events.events.k8s.io v1"],
    "ingress": ["ingresses.networking.k8s.io v1"],
    "networkpolicies.networking.k8s.io": ["networkpolicies.networking.k8s.io v1"],
    "gd": ["gadgets.test.example v1"],
    "gadget.v1beta2.test.example": ["gadgets.test.example v1beta2"],
    "scale": [],
    "nonsense": [],
    "": [],
    ".": [],
  };
  const found = Object.fromEntries(Object.keys(meanings).map((spelling) => [spelling, resolve(spelling)]));
  assert.deepEqual(found, meanings);
}

async function reportsStale(cluster: Cluster, transport: Transport): Promise<void> {
  await cluster.kubectl(["apply", "-f", "-"], { stdin: deadApiService });
  const stale = async () => (await discover(transport)).stale.includes("dead.example");
  await waitFor("the dead group reported", stale, { deadlineMs: 20_000 });
  const legacy = await discover(withoutAggregation(transport));
  assert.deepEqual(legacy.stale, ["dead.example"]);
  assert.ok(findType(legacy, { group: "apps", kind: "Deployment" }));
}

/** The same transport on a server that never heard of aggregated discovery, as far as one can see. */
function withoutAggregation(transport: Transport): Transport {
  const request: Transport["request"] = (call) => transport.request({ ...call, accept: "application/json" });
  return Object.create(transport, { request: { value: request } });
}

/** Comparable: order of types, verbs and subresources means nothing. */
function sorted(discovery: Discovery) {
  const types = discovery.types.map((type) => ({
    ...type,
    verbs: type.verbs.toSorted(),
    subresources: type.subresources.toSorted(),
  }));
  return {
    types: types.toSorted((a, b) => groupResource(a).localeCompare(groupResource(b))),
    versions: [...discovery.versions].toSorted(([a], [b]) => a.localeCompare(b)),
    stale: discovery.stale,
  };
}

const gadgets = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.test.example}
spec:
  group: test.example
  scope: Namespaced
  names: {kind: Gadget, plural: gadgets, singular: gadget, shortNames: [gd]}
  versions:
  - name: v1beta2
    served: true
    storage: false
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`;

/** An aggregated API whose server does not exist. */
const deadApiService = `
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1.dead.example}
spec:
  group: dead.example
  version: v1
  groupPriorityMinimum: 100
  versionPriority: 100
  insecureSkipTLSVerify: true
  service: {namespace: default, name: nobody}
`;
