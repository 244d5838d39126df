/**
 * What the demo does in the source cluster: writes, each with what should be seen in DR.
 *
 * @module
 */
import { ORPHANED_AT } from "../../crds/keys.ts";
import { findType } from "../../kube/resolve_type.ts";
import type { Discovery, KubeClient, KubeObject, Patch, ResourceType } from "../../kube/types.ts";
import { describeCopy, NAMESPACE, newLogin } from "./application.ts";
import type { Change } from "./arrivals.ts";
import { keyOf } from "./observer.ts";

/** Short, so that a delete is seen in DR while somebody looks. */
export const GRACE_MS = 2_000;

/** Field manager of what the demo writes. */
const fieldManager = "demo";

/** A write in the source. */
export interface Act {
  /** The change, given what the source answered last for this object. */
  readonly change: Change;
  /** Writes, and tells the change's eye what the source holds now. */
  readonly write: (signal: AbortSignal) => Promise<void>;
}

/** Who acts. */
export interface Actor {
  readonly client: KubeClient;
  readonly discovery: Discovery;
}

/** The Replication of the shop's namespace. */
export function shopReplication(): KubeObject {
  return {
    apiVersion: "dr-syncer.io/v1alpha1",
    kind: "Replication",
    metadata: { name: NAMESPACE, namespace: "dr-syncer-system" },
    spec: {
      destinationCluster: "dr",
      sourceNamespace: NAMESPACE,
      deletion: { grace: `${GRACE_MS / 1_000}s` },
    },
  };
}

/** Applies an object. */
export function applyAct(actor: Actor, object: KubeObject, action = "created"): Act {
  const type = requireType(actor.discovery, object.apiVersion, object.kind);
  return watched(
    type,
    object,
    action,
    async (signal) => await actor.client.apply(type, object, { fieldManager, signal }),
  );
}

/** The changes that follow, in order. */
export function changeActs(actor: Actor): Act[] {
  const patch = (
    apiVersion: string,
    kind: string,
    name: string,
    action: string,
    body: object,
    subresource?: string,
  ) => {
    const type = requireType(actor.discovery, apiVersion, kind);
    const merge: Patch = { type: "merge", body: body as Record<string, unknown> };
    const ref = { namespace: NAMESPACE, name };
    return watched(type, { apiVersion, kind, metadata: { name } }, action, async (signal) => {
      await actor.client.patch(type, ref, merge, { signal, subresource, fieldManager });
      return undefined;
    }, patchSeen(body));
  };
  return [
    patch("apps/v1", "Deployment", "web", "scaled 3 → 5", { spec: { replicas: 5 } }, "scale"),
  ];
}
