/**
 * Schema of a Replication of many namespaces: which ones, what they are called in DR, what became of them.
 *
 * @module
 */
import * as z from "zod";
import { labelSelector } from "./adaptation.ts";
import { count } from "./common.ts";

/** What a spec without a source, or with two, is told. */
export const ONE_SOURCE = "set exactly one of sourceNamespace and sourceNamespaceSelector";

/** Whether a spec says in one way which namespaces it means. */
export function hasOneSource(spec: { sourceNamespace?: unknown; sourceNamespaceSelector?: unknown }): boolean {
  return (spec.sourceNamespace === undefined) !== (spec.sourceNamespaceSelector === undefined);
}

/** CEL: one source, and a destination that fits it. */
export const ENDS_RULES = [
  { rule: "has(self.sourceNamespace) != has(self.sourceNamespaceSelector)", message: ONE_SOURCE },
  {
    rule: "!has(self.sourceNamespaceSelector) || !has(self.destinationNamespace) || " +
      "self.destinationNamespace.contains('{namespace}')",
    message: "with sourceNamespaceSelector this is a template, or all namespaces would write one: write {namespace} " +
      "where the source's name goes, such as dr-{namespace}",
    fieldPath: ".destinationNamespace",
  },
  {
    rule: "!has(self.sourceNamespace) || !has(self.destinationNamespace) || " +
      "!self.destinationNamespace.contains('{namespace}')",
    message: "{namespace} is for sourceNamespaceSelector only: write the name of a namespace",
    fieldPath: ".destinationNamespace",
  },
];

/** `spec.sourceNamespaceSelector`. */
export const sourceNamespaceSelector = labelSelector.meta({
  description: "Labels of the namespaces to mirror. Such a Replication mirrors nothing itself: it makes and owns a " +
    "Replication for each namespace that has them (docs/guide/namespaces.md). May be changed; this or `sourceNamespace`.",
  "x-kubernetes-validations": [{
    rule: "(has(self.matchLabels) && size(self.matchLabels) > 0) || " +
      "(has(self.matchExpressions) && size(self.matchExpressions) > 0)",
    message: "an empty selector would take every namespace: name at least one label",
  }],
});

/** `status.children`. */
export const children = z.strictObject({
  total: count.optional().meta({ description: "Replications that it owns." }),
  ready: count.optional().meta({ description: "Of these, mirroring." }),
  synced: count.optional().meta({ description: "Of these, with every object in DR as it should be." }),
  gone: count.optional().meta({ description: "Of these, without a source namespace: DR stays as it is." }),
  skipped: count.optional().meta({ description: "Namespaces that match and have none; `reports` says why." }),
}).meta({ description: "With `sourceNamespaceSelector`: its Replications, one for each namespace." });
