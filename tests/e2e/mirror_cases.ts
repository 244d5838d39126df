/**
 * What the copy of each object must be, told from the source object alone: the rules of the reference, written once more.
 *
 * @module
 */
import type { Printed } from "./scene.ts";

/** Namespaces of the case table. */
export const SOURCE_NAMESPACE = "shop";
export const DR_NAMESPACE = "shop-dr";

/** Keys that stay in the source cluster, or that our own part writes. */
const LOCAL_KEYS = [
  "dr-syncer.io/",
  "kubectl.kubernetes.io/last-applied-configuration",
  "deployment.kubernetes.io/",
  "deprecated.daemonset.template.generation",
  "argocd.argoproj.io/",
  "kustomize.toolkit.fluxcd.io/",
  "external-dns.",
  "cert-manager.io/",
  "batch.kubernetes.io/",
  "job-name",
  "controller-uid",
  "endpoints.kubernetes.io/",
  "kubernetes.io/service-account.uid",
  // A tracking label of Argo CD, as it is configured unless told otherwise.
  "app.kubernetes.io/instance",
];

type Change = (object: Printed) => void;

/** Changes a source object into what its copy must be. */
const IN_STANDBY: Readonly<Record<string, Change>> = {
  Deployment: scaled,
  ReplicaSet: scaled,
  ReplicationController: scaled,
  Widget: scaled,
  StatefulSet: (object) => {
    scaled(object);
    object.spec.persistentVolumeClaimRetentionPolicy = { whenDeleted: "Retain", whenScaled: "Retain" };
  },
  DaemonSet: ({ spec }) => spec.template.spec.nodeSelector["dr-syncer.io/standby"] = "true",
  CronJob: ({ spec }) => spec.suspend = true,
  Job: ({ spec }) => spec.suspend = true,
  PersistentVolumeClaim: ({ metadata, spec }) => {
    delete spec.volumeName;
    if (metadata.name === "uploads") spec.storageClassName = "dr-fast";
  },
  RoleBinding: ({ subjects }) => {
    for (const subject of subjects) {
      if (subject.namespace === SOURCE_NAMESPACE) subject.namespace = DR_NAMESPACE;
      if (subject.kind === "Group") subject.name = `system:serviceaccounts:${DR_NAMESPACE}`;
      if (subject.kind === "User") subject.name = `system:serviceaccount:${DR_NAMESPACE}:shop`;
    }
  },
  NetworkPolicy: ({ spec }) => {
    for (const { namespaceSelector: { matchLabels, matchExpressions } } of spec.ingress?.[0]?.from ?? []) {
      if (matchLabels !== undefined) matchLabels["kubernetes.io/metadata.name"] = DR_NAMESPACE;
      else matchExpressions[0].values = [DR_NAMESPACE, "monitoring"];
    }
  },
  ServiceAccount: (object) => {
    if (object.metadata.name === "shop") object.secrets = [{ name: "credentials" }];
  },
};

/** Takes off what each server fills in by itself, on either side. */
const FILLED_IN: Readonly<Record<string, Change>> = {
  Service: ({ spec }) => {
    if (spec.clusterIP !== "None") {
      delete spec.clusterIP;
      delete spec.clusterIPs;
    }
    delete spec.healthCheckNodePort;
    for (const port of spec.ports ?? []) if (![30443, 30081].includes(port.nodePort)) delete port.nodePort;
  },
  Job: ({ spec }) => {
    delete spec.selector;
    for (const key of Object.keys(spec.template.metadata.labels)) {
      if (isLocal(key)) delete spec.template.metadata.labels[key];
    }
  },
  StatefulSet: ({ spec }) => {
    for (const template of spec.volumeClaimTemplates) delete template.status;
  },
  Secret: (object) => {
    if (object.type === "kubernetes.io/service-account-token") delete object.data;
  },
};

/** The copy that a source object must have, to compare with `asItIs` of the copy. */
export function asItShouldBe(source: Printed): Printed {
  const object = structuredClone(source);
  IN_STANDBY[object.kind]?.(object);
  return asItIs(object);
}

/** An object less what the server it is on gave it, and less our own keys. */
export function asItIs(object: Printed): Printed {
  const { kind, metadata, status: _status, apiVersion: _apiVersion, ...content } = structuredClone(object);
  FILLED_IN[kind]?.(content);
  return sorted({ ...content, labels: users(metadata.labels), annotations: users(metadata.annotations) });
}

function scaled({ metadata, spec }: Printed): void {
  const override = metadata.labels?.["dr-syncer.io/scale-override"];
  spec.replicas = override === undefined ? 0 : Number.isNaN(Number(override)) ? spec.replicas : Number(override);
}

function users(keys: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(keys).filter(([key]) => !isLocal(key)));
}

function isLocal(key: string): boolean {
  return LOCAL_KEYS.some((prefix) => key.startsWith(prefix));
}

/** Keys in one order; without null, which old servers write for what is absent. */
function sorted(value: Printed): Printed {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const keys = Object.keys(value).filter((key) => value[key] !== null).sort();
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key])]));
}
