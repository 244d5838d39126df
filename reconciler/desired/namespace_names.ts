/**
 * Names of the source namespace inside an object, when the copy lives in a namespace of another name.
 *
 * @module
 */

import type { DesiredContext, Draft } from "./context.ts";
import { objectAt, objectsAt, walkObjects } from "./json.ts";

const NAME_LABEL = "kubernetes.io/metadata.name";
const MAX_PATHS = 5;

/** The destination for the source namespace, anything else as it is. */
export function renameNamespace<T>(context: DesiredContext, name: T): T | string {
  return name === context.sourceNamespace ? context.destinationNamespace : name;
}

/** Rewrites the source namespace in every label selector on `kubernetes.io/metadata.name` inside a value. */
export function renameInSelectors(draft: Draft, root: unknown): void {
  const { context } = draft;
  if (context.sourceNamespace === context.destinationNamespace) return;
  walkObjects(root, (object) => {
    const labels = objectAt(object, "matchLabels");
    if (labels?.[NAME_LABEL] !== undefined) labels[NAME_LABEL] = renameNamespace(context, labels[NAME_LABEL]);
    for (const expression of objectsAt(object, "matchExpressions")) {
      if (expression.key !== NAME_LABEL || !Array.isArray(expression.values)) continue;
      expression.values = expression.values.map((value: unknown) => renameNamespace(context, value));
    }
  });
}

/**
 * Reports, by path only, where else an object seems to name the source namespace: DNS names of Services, and fields
 * called `namespace` or `namespaces`. Secrets are encoded and are not looked into.
 */
export function reportMentions(draft: Draft): void {
  const { context, object, reports } = draft;
  if (context.sourceNamespace === context.destinationNamespace || object.kind === "Secret") return;
  const paths: string[] = [];
  const dnsName = dnsNamePattern(context.sourceNamespace);
  walkObjects(object, (at, path) => {
    if (path[0] === "metadata") return;
    for (const [key, value] of Object.entries(at)) {
      if (mentions(key, value, context.sourceNamespace, dnsName)) paths.push([...path, key].join("."));
    }
  });
  if (paths.length === 0) return;
  const more = paths.length > MAX_PATHS ? ` and ${paths.length - MAX_PATHS} more` : "";
  reports.push({
    reason: "NamespaceMention",
    message: `${object.kind} ${object.metadata.name} seems to name namespace ${context.sourceNamespace}, which is ` +
      `${context.destinationNamespace} in DR, at ${paths.slice(0, MAX_PATHS).join(", ")}${more}`,
  });
}

/** `svc.namespace` as in DNS: followed by `.svc`, a port, a path, or nothing. */
function dnsNamePattern(namespace: string): RegExp {
  return new RegExp(`[a-z0-9]\\.${namespace}(\\.svc\\b|:\\d|/|$)`);
}

function mentions(key: string, value: unknown, namespace: string, dnsName: RegExp): boolean {
  if (typeof value === "string") return (key === "namespace" && value === namespace) || dnsName.test(value);
  if (!Array.isArray(value)) return false;
  return value.some((item) =>
    typeof item === "string" && ((key === "namespaces" && item === namespace) || dnsName.test(item))
  );
}
