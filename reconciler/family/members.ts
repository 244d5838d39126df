/**
 * Which Replications a family should own, compared with those that it owns: pure.
 *
 * A namespace that loses the labels leaves. One that is deleted, or was created anew without them, does not: its standby may
 * be all that is left of it.
 *
 * @module
 */
import {
  childName,
  childSpec,
  destinationFor,
  familyLabel,
  isChildOf,
  isTooLong,
  newChild,
  templateOf,
} from "../../crds/family.ts";
import { COMPONENT, FAMILY, MANAGED_BY, SOURCE_NAMESPACE_UID, SYNC_NOW } from "../../crds/keys.ts";
import { matchesLabels } from "../../crds/label_selector.ts";
import { isProtected } from "../../crds/targets.ts";
import type { ObjectReport, Replication, ReplicationFamily } from "../../crds/types.ts";
import type { KubeObject } from "../../kube/types.ts";
import { mergePatch } from "./merge_patch.ts";

/** Everything that is decided on. */
export interface MembersFacts {
  readonly family: ReplicationFamily;
  /** Every Namespace of the source cluster; undefined while that is not known: nothing is made and nothing leaves then. */
  readonly namespaces: readonly KubeObject[] | undefined;
  /** All Replications of one namespace, those of others included. */
  readonly replications: readonly Replication[];
  readonly controlNamespace: string;
  /** What is wrong with a child that does not exist yet. */
  objection(child: Replication): Pick<ObjectReport, "reason" | "message"> | undefined;
  /** Whether a child was handed the family's `sync-now` already: what a person says to it since is not overwritten. */
  wasHanded(child: Replication): boolean;
}

/** A child and what makes it equal to its parent's wish. */
export interface ChildUpdate {
  readonly child: Replication;
  readonly patch: Record<string, unknown>;
}

/** What a family is to do. */
export interface Members {
  /** Those that it owns, less those that are being deleted. */
  readonly children: readonly Replication[];
  readonly create: readonly Replication[];
  readonly update: readonly ChildUpdate[];
  /** Their namespace is there, the same as ever, and does not match any more. */
  readonly leaving: readonly Replication[];
  /** Their namespace is not there any more, or not the same: they stay. */
  readonly gone: readonly Replication[];
  /** Namespaces that match and have no child. */
  readonly skipped: number;
  /** Of these, those that somebody should do something about. */
  readonly leftOut: number;
  /** Why namespaces are skipped, and which are gone. */
  readonly reports: readonly ObjectReport[];
}

/** What never gets a child is no fault: system namespaces, and standbys of this or another installation. */
const BY_DESIGN: ReadonlySet<string> = new Set(["ProtectedNamespace", "StandbyNamespace"]);

/** See the module. */
export function planMembers(facts: MembersFacts): Members {
  const { family, namespaces } = facts;
  const owned = facts.replications.filter((one) => isChildOf(one, family));
  const children = owned.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const reports: ObjectReport[] = [];
  const create: Replication[] = [];
  const taken = new Set(owned.map(({ metadata }) => metadata.name));
  for (const namespace of (namespaces ?? []).filter((one) => isSelected(one, family))) {
    if (taken.has(childName(family.metadata.name, namespace.metadata.name))) continue;
    const child = newChild(family, { name: namespace.metadata.name, uid: namespace.metadata.uid ?? "" });
    const why = objectionTo(namespace, child, facts);
    if (why === undefined) create.push(child);
    else reports.push({ kind: "Namespace", name: namespace.metadata.name, ...why });
  }
  const skipped = reports.length;
  const leftOut = reports.filter(({ reason }) => !BY_DESIGN.has(reason)).length;
  const byName = new Map(namespaces?.map((one) => [one.metadata.name, one]));
  const { leaving, gone } = partOf(namespaces === undefined ? [] : children, byName, family, reports);
  const update = children.flatMap((child) => updateOf(child, byName.get(child.spec.sourceNamespace), facts));
  return { children, create, update, leaving, gone, skipped, leftOut, reports };
}

/** Whether a namespace is one of the family's: it has the labels, and it is not about to go. */
function isSelected({ metadata }: KubeObject, { spec }: ReplicationFamily): boolean {
  return metadata.deletionTimestamp === undefined && matchesLabels(spec.sourceNamespaceSelector, metadata.labels);
}

function objectionTo(
  { metadata: { name, labels } }: KubeObject,
  child: Replication,
  facts: MembersFacts,
): Pick<ObjectReport, "reason" | "message"> | undefined {
  const { family, replications } = facts;
  const destination = destinationFor(family, name);
  if (isProtected(name, facts) || isProtected(destination, facts)) {
    const message = `${name} → ${destination}: kube-*, openshift-* and the control namespace are never mirrored and ` +
      "never written";
    return { reason: "ProtectedNamespace", message };
  }
  if (labels?.[MANAGED_BY] !== undefined || labels?.[COMPONENT] !== undefined) {
    const message = "it is itself the standby of a namespace, or part of dr-syncer; to mirror it on, make a " +
      "Replication with sourceNamespace for it";
    return { reason: "StandbyNamespace", message };
  }
  if (isTooLong(destination)) {
    const message = `${templateOf(family)} makes ${destination} of it: ${destination.length} characters, and a ` +
      "namespace's name has 63 at most; make a Replication with sourceNamespace and a shorter destinationNamespace for it";
    return { reason: "NameTooLong", message };
  }
  const holder = replications.find(({ metadata }) =>
    metadata.name === child.metadata.name && metadata.namespace === child.metadata.namespace
  );
  if (holder !== undefined) {
    const message = `Replication ${child.metadata.name} exists and is not owned by this one; delete or rename it`;
    return { reason: "NameTaken", message };
  }
  return facts.objection(child);
}

/** Tells the children that leave from those whose namespace is gone; of the latter there is a report each. */
function partOf(
  children: readonly Replication[],
  namespaces: ReadonlyMap<string, KubeObject>,
  family: ReplicationFamily,
  reports: ObjectReport[],
) {
  const leaving: Replication[] = [];
  const gone: Replication[] = [];
  for (const child of children) {
    const name = child.spec.sourceNamespace;
    const namespace = namespaces.get(name);
    if (namespace !== undefined && isSelected(namespace, family)) continue;
    const isThere = namespace !== undefined && namespace.metadata.deletionTimestamp === undefined;
    if (isThere && namespace.metadata.uid === recordedUid(child)) {
      leaving.push(child);
      continue;
    }
    gone.push(child);
    const what = isThere ? "was created anew, without the labels" : "is deleted";
    const message = `the source namespace ${what}: its standby stays as it is; to end it, delete Replication ` +
      child.metadata.name;
    reports.push({ kind: "Namespace", name, reason: isThere ? "NamespaceRecreated" : "NamespaceGone", message });
  }
  return { leaving, gone };
}

function updateOf(child: Replication, namespace: KubeObject | undefined, facts: MembersFacts): ChildUpdate[] {
  const { family } = facts;
  const annotations: Record<string, string> = {};
  if (namespace?.metadata.uid !== undefined && isSelected(namespace, family)) {
    annotations[SOURCE_NAMESPACE_UID] = namespace.metadata.uid;
  }
  const syncNow = family.metadata.annotations?.[SYNC_NOW];
  if (syncNow !== undefined && !facts.wasHanded(child)) annotations[SYNC_NOW] = syncNow;
  const label = { [FAMILY]: familyLabel(family.metadata.name) };
  const spec = childSpec(family, child.spec.sourceNamespace);
  const { metadata } = child;
  const wanted = {
    metadata: { labels: { ...metadata.labels, ...label }, annotations: { ...metadata.annotations, ...annotations } },
    spec,
  };
  const current = {
    metadata: { labels: metadata.labels ?? {}, annotations: metadata.annotations ?? {} },
    spec: child.spec,
  };
  const patch = mergePatch(current, wanted);
  if (patch === undefined) return [];
  // The uid makes it a patch of this very object, not of one that took its name.
  return [{ child, patch: { ...patch, metadata: { ...patch.metadata as object, uid: metadata.uid } } }];
}

/** uid of the namespace that a child was made for. */
export function recordedUid({ metadata }: Replication): string | undefined {
  return metadata.annotations?.[SOURCE_NAMESPACE_UID];
}
