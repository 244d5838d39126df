/**
 * What the demo does in the source cluster: writes, each with what should then be seen in DR.
 *
 * @module
 */
import { CONTROL_NAMESPACE, MANAGED_BY, ORIGINAL_REPLICAS, ORPHANED_AT } from "../../crds/keys.ts";
import { findType } from "../../kube/resolve_type.ts";
import type { Discovery, KubeClient, KubeObject, ResourceType } from "../../kube/types.ts";
import { describeCopy, NAMESPACE, newLogin } from "./application.ts";
import type { Change } from "./arrivals.ts";
import { keyOf } from "./observer.ts";

/** Short, so that a delete is seen in DR while somebody looks. */
export const GRACE_MS = 2_000;

const fieldManager = "demo";

/** A write in the source, and the changes it makes in DR. */
export interface Act {
  readonly changes: readonly Change[];
  /** Writes; answers with what the source holds then. */
  readonly write: () => Promise<KubeObject>;
}

/** Who acts on which kinds, and until when. */
export interface Actor {
  readonly client: KubeClient;
  readonly discovery: Discovery;
  readonly signal: AbortSignal;
}

/** Makes the Replication of the shop's namespace; the Namespace itself is what arrives. */
export function startAct({ client, discovery, signal }: Actor): Act {
  const object = {
    apiVersion: "dr-syncer.io/v1alpha1",
    kind: "Replication",
    metadata: { name: NAMESPACE, namespace: CONTROL_NAMESPACE },
    spec: { destinationCluster: "dr", sourceNamespace: NAMESPACE, deletion: { grace: `${GRACE_MS / 1_000}s` } },
  };
  const type = requireType(discovery, object);
  const change: Change = {
    ...nameOf(requireType(discovery, { apiVersion: "v1", kind: "Namespace" }), NAMESPACE),
    action: "Replication created",
    isStart: true,
    shows: (_, copy) => copy?.metadata.labels?.[MANAGED_BY] === undefined ? undefined : "namespace made",
  };
  return { changes: [change], write: () => client.apply(type, object, { fieldManager, signal }) };
}

/** Applies an object of the shop. */
export function applyAct({ client, discovery, signal }: Actor, object: KubeObject): Act {
  const type = requireType(discovery, object);
  return {
    changes: [{ ...nameOf(type, object.metadata.name), action: "created", shows: describeCopy }],
    write: () => client.apply(type, object, { fieldManager, signal }),
  };
}

/** Applies the first object of a custom kind: its definition goes to DR along with it. */
export function applyFirstAct(actor: Actor, object: KubeObject, definition: KubeObject): Act {
  const { changes, write } = applyAct(actor, object);
  const made: Change = {
    ...nameOf(requireType(actor.discovery, definition), definition.metadata.name),
    kind: "CRD",
    action: "needed by its first object",
    isStart: true,
    shows: (_, copy) => copy === undefined ? undefined : "definition made",
  };
  return { changes: [made, ...changes.map((change) => ({ ...change, isStart: true }))], write };
}

/** What changes in the running shop, in order. */
export function changeActs(actor: Actor): Act[] {
  const web = { apiVersion: "apps/v1", kind: "Deployment", name: "web" };
  const image = { containers: [{ name: "web", image: "nginx:1.29" }] };
  return [
    scaleAct(actor, web, 3, 5),
    patchAct(actor, { apiVersion: "v1", kind: "ConfigMap", name: "settings" }, "changed a key, removed one", {
      data: { currency: "USD", "log-level": null },
    }),
    patchAct(actor, web, "image 1.28 → 1.29", { spec: { template: { spec: image } } }),
    patchAct(actor, { apiVersion: "v1", kind: "Secret", name: "database" }, "password rotated", {
      stringData: newLogin(),
    }),
    patchAct(actor, { apiVersion: "batch/v1", kind: "CronJob", name: "invoices" }, "schedule changed", {
      spec: { schedule: "45 4 * * *" },
    }),
    patchAct(actor, { apiVersion: "shop.example.com/v1", kind: "Coupon", name: "welcome" }, "10 % → 25 %", {
      spec: { percent: 25 },
    }),
    deleteAct(actor, { apiVersion: "v1", kind: "ConfigMap", name: "banner" }, (copy) => {
      return copy === undefined ? `deleted after the grace of ${GRACE_MS / 1_000} s` : undefined;
    }),
    deleteAct(actor, { apiVersion: "v1", kind: "PersistentVolumeClaim", name: "old-reports" }, (copy) => {
      return copy?.metadata.annotations?.[ORPHANED_AT] === undefined
        ? undefined
        : "kept, marked orphaned: it holds data";
    }),
  ];
}

/** An object of the shop that exists. */
interface Target {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
}

function scaleAct(actor: Actor, target: Target, from: number, to: number): Act {
  const type = requireType(actor.discovery, target);
  const shows: Change["shows"] = (_, copy) => {
    const kept = copy?.metadata.annotations?.[ORIGINAL_REPLICAS] === String(to);
    return kept && (copy?.spec as { replicas?: number }).replicas === 0 ? `0 replicas, originally ${to}` : undefined;
  };
  return {
    changes: [{ ...nameOf(type, target.name), action: `scaled ${from} → ${to}`, shows }],
    write: () => patch(actor, type, target.name, { spec: { replicas: to } }, "scale"),
  };
}

function patchAct(actor: Actor, target: Target, action: string, body: Record<string, unknown>): Act {
  const type = requireType(actor.discovery, target);
  return {
    changes: [{ ...nameOf(type, target.name), action, shows: describeCopy }],
    write: () => patch(actor, type, target.name, body),
  };
}

function deleteAct(actor: Actor, target: Target, shows: (copy: KubeObject | undefined) => string | undefined): Act {
  const type = requireType(actor.discovery, target);
  const { client, signal } = actor;
  return {
    changes: [{ ...nameOf(type, target.name), action: "deleted", graceMs: GRACE_MS, shows: (_, copy) => shows(copy) }],
    write: async () => {
      await client.delete(type, { namespace: NAMESPACE, name: target.name }, { signal });
      return { apiVersion: target.apiVersion, kind: target.kind, metadata: { name: target.name } };
    },
  };
}

function patch(actor: Actor, type: ResourceType, name: string, body: Record<string, unknown>, subresource?: string) {
  const { client, signal } = actor;
  return client.patch(type, { namespace: NAMESPACE, name }, { type: "merge", body }, {
    fieldManager,
    subresource,
    signal,
  });
}

function nameOf(type: ResourceType, name: string): Pick<Change, "key" | "kind" | "name"> {
  return { key: keyOf(type, name), kind: type.kind, name };
}

function requireType(discovery: Discovery, { apiVersion, kind }: { apiVersion: string; kind: string }): ResourceType {
  const group = apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
  const type = findType(discovery, { group, kind });
  if (type === undefined) throw new Error(`Cannot write a ${kind}: the source cluster does not serve ${apiVersion}`);
  return type;
}
