/**
 * Both namespaces side by side: what has a copy, what has none and why, and what is missing.
 *
 * @module
 */
import { listAll } from "../../kube/client.ts";
import { apiVersionOf, groupResource, type KubeClient, type KubeObject, type ResourceType } from "../../kube/types.ts";
import type { DesiredContext } from "../../reconciler/desired/context.ts";
import { findSkip } from "../../reconciler/desired/skip.ts";

/** Objects of one kind that have no copy, for one reason. */
export interface NotMirrored {
  readonly kind: string;
  readonly names: readonly string[];
  /** A sentence without values. */
  readonly reason: string;
}

/** The result. */
export interface Comparison {
  /** Count of the copies of each kind. */
  readonly mirrored: Readonly<Record<string, number>>;
  readonly notMirrored: readonly NotMirrored[];
  /** `Kind name` of what should have a copy and has none. */
  readonly missing: readonly string[];
}

const callDeadlineMs = 10_000;

/** Events tell about other objects; nobody expects them. */
const silent = ["events", "events.events.k8s.io"];

/** Lists a namespace in both clusters. @throws {KubeError} when one of them does not answer */
export async function compareNamespaces(
  source: KubeClient,
  dr: KubeClient,
  namespace: string,
  signal: AbortSignal,
): Promise<Comparison> {
  const { types } = await source.discover({ signal, deadlineMs: callDeadlineMs });
  const mirrored: Record<string, number> = {};
  const skipped: { kind: string; name: string; reason: string }[] = [];
  const missing: string[] = [];
  for (const type of types.filter((one) => one.namespaced && one.verbs.includes("list"))) {
    if (silent.includes(groupResource(type))) continue;
    const objects = await list(source, type, namespace, signal);
    if (objects.length === 0) continue;
    const context = contextOf(type, namespace);
    const expected = objects.filter((object) => {
      const skip = findSkip(object, context);
      if (skip === undefined) return true;
      const reason = skip.message.slice(skip.message.indexOf(": ") + 2);
      skipped.push({ kind: type.kind, name: object.metadata.name, reason });
    });
    if (expected.length === 0) continue;
    const names = new Set((await list(dr, type, namespace, signal)).map((copy) => copy.metadata.name));
    const found = expected.filter(({ metadata }) => names.has(metadata.name));
    if (found.length > 0) mirrored[type.kind] = found.length;
    missing.push(
      ...expected.filter((one) => !found.includes(one)).map(({ metadata }) => `${type.kind} ${metadata.name}`),
    );
  }
  return { mirrored, notMirrored: groupSkipped(skipped), missing };
}

function groupSkipped(skipped: readonly { kind: string; name: string; reason: string }[]): NotMirrored[] {
  return [...Map.groupBy(skipped, ({ kind, reason }) => `${kind} ${reason}`).values()].map((group) => {
    const [{ kind, reason }] = group as [typeof skipped[number]];
    return { kind, names: group.map(({ name }) => name), reason };
  });
}

/** What the rules for copies need, with ids that are nobody's: they decide neither what is skipped nor what differs. */
export function contextOf(type: ResourceType, namespace: string): DesiredContext {
  return {
    replicationId: "",
    sourceClusterId: "",
    sourceNamespace: namespace,
    destinationNamespace: namespace,
    type,
    targetApiVersion: apiVersionOf(type),
    scaleToZero: true,
    rbacObjects: "Mirror",
  };
}

async function list(client: KubeClient, type: ResourceType, namespace: string, signal: AbortSignal) {
  const objects: KubeObject[] = [];
  for await (const page of listAll(client, type, { namespace, signal, deadlineMs: callDeadlineMs })) {
    objects.push(...page.items.map((item) => ({ ...item, apiVersion: apiVersionOf(type), kind: type.kind })));
  }
  return objects;
}
