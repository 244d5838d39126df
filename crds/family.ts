/**
 * A Replication of many namespaces and the Replications that it owns, its children: names, specs, who belongs to whom.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { OwnerReference } from "../kube/types.ts";
import { FAMILY, GROUP, SOURCE_NAMESPACE_UID, SYNC_NOW, VERSION } from "./keys.ts";
import type { Replication, ReplicationFamily, ReplicationSpec } from "./types.ts";

/** Where a template has the source's name. */
export const NAMESPACE_PLACEHOLDER = "{namespace}";

const MAX_NAME = 253;
const MAX_NAMESPACE = 63;
const MAX_LABEL_VALUE = 63;

/** The template of names in DR: the source's name when the spec has none. */
export function templateOf({ spec }: ReplicationFamily): string {
  return spec.destinationNamespace ?? NAMESPACE_PLACEHOLDER;
}

/** What a namespace is called in DR; may be longer than a namespace's name can be. */
export function destinationFor(family: ReplicationFamily, namespace: string): string {
  return templateOf(family).replace(NAMESPACE_PLACEHOLDER, namespace);
}

/** Whether a name is too long for a namespace. */
export function isTooLong(namespace: string): boolean {
  return namespace.length > MAX_NAMESPACE;
}

/**
 * Name of the child for a namespace: `parent.namespace`. No two parents and namespaces share one: a namespace's name has no
 * dot. A parent's name that leaves no room is cut, and a digest of the whole stands for the rest.
 */
export function childName(parent: string, namespace: string): string {
  const room = MAX_NAME - MAX_NAMESPACE - 1;
  return `${shorten(parent, room)}.${namespace}`;
}

/** Value of label `dr-syncer.io/family`: the parent's name, cut where it is too long for a label. */
export function familyLabel(parent: string): string {
  return shorten(parent, MAX_LABEL_VALUE);
}

function shorten(name: string, most: number): string {
  if (name.length <= most) return name;
  const digest = createHash("sha256").update(name).digest("hex").slice(0, 10);
  return `${name.slice(0, most - digest.length - 1).replace(/[-.]+$/, "")}-${digest}`;
}

/** The reference of an object to the Replication that owns it, if one does. */
export function ownerOf({ metadata }: Pick<Replication, "metadata">): OwnerReference | undefined {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  return owner?.kind === "Replication" && owner.apiVersion.startsWith(`${GROUP}/`) ? owner : undefined;
}

/** Whether an object is the child of a family for its namespace, and not merely one with its name or its owner. */
export function isChildOf(object: Replication, { metadata }: ReplicationFamily): boolean {
  return metadata.uid !== undefined && ownerOf(object)?.uid === metadata.uid &&
    object.metadata.namespace === metadata.namespace &&
    object.metadata.name === childName(metadata.name, object.spec.sourceNamespace);
}

/** `spec` of the child for a namespace: the parent's, with both ends filled in. */
export function childSpec(family: ReplicationFamily, namespace: string): ReplicationSpec {
  const { sourceNamespaceSelector: _, destinationNamespace: template, ...rest } = family.spec;
  const destination = template === undefined ? {} : { destinationNamespace: destinationFor(family, namespace) };
  return { ...rest, sourceNamespace: namespace, ...destination };
}

/** The child for a namespace as it is created; one that is asked for a sync tells its children from the start. */
export function newChild(family: ReplicationFamily, namespace: { name: string; uid: string }): Replication {
  const { name, uid = "", namespace: controlNamespace, annotations } = family.metadata;
  const syncNow = annotations?.[SYNC_NOW];
  const owner = { apiVersion: `${GROUP}/${VERSION}`, kind: "Replication", name, uid, controller: true };
  return {
    apiVersion: `${GROUP}/${VERSION}`,
    kind: "Replication",
    metadata: {
      name: childName(name, namespace.name),
      namespace: controlNamespace,
      labels: { [FAMILY]: familyLabel(name) },
      annotations: { [SOURCE_NAMESPACE_UID]: namespace.uid, ...(syncNow === undefined ? {} : { [SYNC_NOW]: syncNow }) },
      // Whoever deletes the parent and waits need not wait for its children: no blockOwnerDeletion.
      ownerReferences: [owner],
    },
    spec: childSpec(family, namespace.name),
  };
}
