/**
 * Compares a source namespace with its standby object by object, as somebody who may read both would.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Cluster } from "../rig/cluster.ts";
import { waitFor } from "../wait.ts";
import type { Printed } from "./scene.ts";

/** The kinds that most scenarios write. */
const KINDS = "configmaps,secrets,serviceaccounts,services,deployments,cronjobs,roles,rolebindings,ingresses";
/** What each cluster makes by itself. */
const OWN_OF_CLUSTER = ["ConfigMap/kube-root-ca.crt", "ServiceAccount/default"];
/** Ours, the Deployment controller's, kubectl's, and what keeps external-dns away from a standby. */
const FOREIGN_PREFIXES = [
  "dr-syncer.io/",
  "deployment.kubernetes.io/",
  "kubectl.kubernetes.io/last-applied",
  "external-dns.",
  "batch.kubernetes.io/",
];

/** Objects of a namespace by kind and name. */
export async function readObjects(
  cluster: Cluster,
  namespace: string,
  kinds = KINDS,
): Promise<Map<string, Printed>> {
  const { stdout } = await cluster.kubectl(["get", kinds, "-n", namespace, "-o", "json"]);
  const items: Printed[] = JSON.parse(stdout).items;
  const named = items.map((item): [string, Printed] => [`${item.kind}/${item.metadata.name}`, item]);
  return new Map(named.filter(([name]) => !OWN_OF_CLUSTER.includes(name)));
}

/** What differs between a source namespace and its standby, one line an object; empty when they are equal. */
export async function findDifferences(
  source: Cluster,
  dr: Cluster,
  namespace: string,
  kinds = KINDS,
): Promise<string[]> {
  const [theirs, copies] = await Promise.all([source, dr].map((cluster) => readObjects(cluster, namespace, kinds))) as [
    Map<string, Printed>,
    Map<string, Printed>,
  ];
  const differences: string[] = [];
  for (const [name, object] of theirs) {
    const copy = copies.get(name);
    const [want, is] = [isIgnored(object) ? "absent" : inStandby(object), copy === undefined ? "absent" : asItIs(copy)];
    if (want !== is) differences.push(`${name}: ${is} instead of ${want}`);
  }
  for (const name of copies.keys()) if (!theirs.has(name)) differences.push(`${name}: there is no such source object`);
  return differences;
}

/** Waits until source and standby are equal object by object; answers how long that took, in milliseconds. */
export async function untilEqual(
  source: Cluster,
  dr: Cluster,
  namespace: string,
  deadlineMs = 20_000,
  what = "",
): Promise<number> {
  const startedMs = performance.now();
  let last: string[] = [];
  await waitFor(`${namespace} equal in ${dr.name} ${what}`.trim(), async () => {
    last = await findDifferences(source, dr, namespace);
    return last.length === 0;
  }, { deadlineMs, pollMs: 250, describe: () => last.join("\n") });
  return performance.now() - startedMs;
}

/** Identity and version of every copy in a standby, to see what was written and what was made anew. */
export async function marksOf(
  dr: Cluster,
  namespace: string,
): Promise<Record<string, { uid: string; resourceVersion: string }>> {
  const entries = [...await readObjects(dr, namespace)].map(([name, { metadata }]) =>
    [name, { uid: metadata.uid, resourceVersion: metadata.resourceVersion }] as const
  );
  return Object.fromEntries(entries);
}

/** Fails when a copy that is in both readings is not the same object any more. */
export function assertNotRecreated(
  before: Record<string, { uid: string }>,
  after: Record<string, { uid: string }>,
): void {
  const again = Object.keys(before).filter((name) =>
    after[name] !== undefined && after[name].uid !== before[name]?.uid
  );
  assert.deepEqual(again, [], "copies that were made anew");
}

function isIgnored({ metadata }: Printed): boolean {
  return metadata.labels?.["dr-syncer.io/ignore"] === "true";
}

/** The source object as its copy in a standby should look. */
function inStandby(object: Printed): string {
  const spec = object.spec === undefined ? undefined : { ...object.spec };
  const notes: Record<string, string> = {};
  if (object.kind === "Deployment" || object.kind === "StatefulSet") {
    notes["dr-syncer.io/original-replicas"] = String(spec.replicas);
    spec.replicas = 0;
  }
  if (object.kind === "CronJob" || object.kind === "Job") {
    notes["dr-syncer.io/original-suspend"] = String(spec.suspend);
    spec.suspend = true;
  }
  return describe({ ...object, spec }, notes);
}

function asItIs(copy: Printed): string {
  const keys = ["dr-syncer.io/original-replicas", "dr-syncer.io/original-suspend"];
  const annotations = copy.metadata.annotations ?? {};
  return describe(
    copy,
    Object.fromEntries(keys.filter((key) => key in annotations).map((key) => [key, annotations[key]])),
  );
}

function describe({ kind, metadata, spec, data, ...rest }: Printed, notes: Record<string, string>): string {
  const { status: _status, apiVersion: _version, ...others } = rest;
  const own = kind === "Service" ? withoutAddresses(spec) : kind === "Job" ? withoutSelector(spec) : spec;
  const { labels, annotations } = metadata;
  return JSON.stringify(
    sorted({ labels: users(labels), annotations: users(annotations), notes, spec: own, data, ...others }),
  );
}

function withoutAddresses({ clusterIP: _ip, clusterIPs: _ips, ...spec }: Printed): Printed {
  return spec;
}

/** It names the Job's uid, and so do the labels of its Pods. */
function withoutSelector({ selector: _selector, template, ...spec }: Printed): Printed {
  const { labels, ...metadata } = template.metadata;
  const { "controller-uid": _uid, "job-name": _name, ...own } = users(labels);
  return { ...spec, template: { ...template, metadata: { ...metadata, labels: own } } };
}

function users(keys: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(keys).filter(([key]) => !FOREIGN_PREFIXES.some((prefix) => key.startsWith(prefix))),
  );
}

function sorted(value: Printed): Printed {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  // Servers differ in where they write null for absent.
  const keys = Object.keys(value).filter((key) => value[key] !== null).sort();
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key])]));
}
