/**
 * The namespaces of a mapping of the first version: one, a list, or those with some labels.
 *
 * @module
 */
import { NAMESPACE_PLACEHOLDER } from "../family.ts";
import { isProtected } from "../targets.ts";
import type { ConvertContext } from "./context.ts";
import type { Remarks } from "./finding.ts";
import { LegacyFields } from "./legacy_fields.ts";
import { listOf, textOf } from "./values.ts";

const NAMESPACE_NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** Fields of one Replication's spec. */
export interface NamespaceEnds {
  /** Tells its name from those of the others of the same mapping. */
  readonly suffix: string;
  readonly sourceNamespace?: string;
  readonly sourceNamespaceSelector?: unknown;
  readonly destinationNamespace?: string;
}

/** What each Replication of a mapping mirrors; none where that cannot be told. */
export function takeNamespaces(fields: LegacyFields, remarks: Remarks, context: ConvertContext): NamespaceEnds[] {
  const selected = takeSelector(fields, remarks);
  const froms = listOf(fields.takeAny("sourceNamespace", "sourceNamespaces"));
  const destination = fields.takeAny("destinationNamespace", "destinationNamespaces");
  if (selected.length > 0 && froms.length === 0) return withTemplate(selected, textOf(destination), remarks);
  const tos = listOf(destination);
  if (tos.length > 0 && tos.length !== froms.length) {
    remarks.lost("spec.destinationNamespace", "does not pair with the source namespaces; write one manifest for each");
    return [];
  }
  return [...selected, ...froms.flatMap((from, index) => pair(from, tos[index], remarks, context))];
}

function pair(from: string, to: string | undefined, { lost }: Remarks, context: ConvertContext): NamespaceEnds[] {
  const wrong = [from, to ?? from].find((name) => !NAMESPACE_NAME.test(name));
  if (wrong !== undefined) {
    const remedy = /[*?]/.test(wrong)
      ? "wildcards are not resolved; label these namespaces and set sourceNamespaceSelector, or write one manifest for each"
      : "correct it";
    lost("spec.sourceNamespace", `${JSON.stringify(wrong)} is not the name of a namespace: ${remedy}`);
    return [];
  }
  const system = [from, to ?? from].find((name) => isProtected(name, { controlNamespace: context.namespace }));
  if (system !== undefined) {
    lost("spec.sourceNamespace", `${system} is never mirrored (kube-*, openshift-*, the control namespace); remove it`);
    return [];
  }
  const destination = to === undefined || to === from ? {} : { destinationNamespace: to };
  return [{ suffix: from, sourceNamespace: from, ...destination }];
}

/** Today's selector as it is; the first version's had labels and a suffix for the names in DR. */
function takeSelector(fields: LegacyFields, { lost }: Remarks): NamespaceEnds[] {
  const suffix = "selected";
  const today = fields.take("sourceNamespaceSelector");
  if (today !== undefined) return [{ suffix, sourceNamespaceSelector: today }];
  const value = fields.take("namespaceSelector");
  if (value === undefined) return [];
  const former = new LegacyFields(value);
  const labels = former.takeAny("labelSelector.matchLabels", "matchLabels") ?? former.take("labelSelector");
  const [prefix, ending] = [former.take("destinationPrefix"), former.take("destinationSuffix")].map(textOf);
  const [unknown] = former.rest();
  const isMap = typeof labels === "object" && labels !== null && !Array.isArray(labels) &&
    Object.values(labels).every((label) => typeof label === "string");
  if (!isMap || unknown !== undefined) {
    const what = unknown === undefined ? "" : ` (${unknown[0]})`;
    lost("spec.namespaceSelector", `cannot be converted${what}: set sourceNamespaceSelector by hand`);
    return [];
  }
  const template = `${prefix ?? ""}${NAMESPACE_PLACEHOLDER}${ending ?? ""}`;
  const destination = template === NAMESPACE_PLACEHOLDER ? {} : { destinationNamespace: template };
  return [{ suffix, sourceNamespaceSelector: { matchLabels: labels }, ...destination }];
}

/** A destination beside a selector is a template, or would be the same for all. */
function withTemplate(selected: NamespaceEnds[], destination: string | undefined, { lost }: Remarks): NamespaceEnds[] {
  if (destination === undefined) return selected;
  if (destination.includes(NAMESPACE_PLACEHOLDER)) {
    return selected.map((ends) => ({ ...ends, destinationNamespace: destination }));
  }
  const remedy = `write ${NAMESPACE_PLACEHOLDER} where the source's name goes`;
  lost("spec.destinationNamespace", `${destination} would be one namespace for all that are selected: ${remedy}`);
  return [];
}
