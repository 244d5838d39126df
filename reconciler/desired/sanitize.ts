/**
 * First step of `desired`: takes off what belongs to the source cluster alone.
 *
 * @module
 */

import type { KubeObject } from "../../kube/types.ts";
import { isBuiltIn } from "./built_in.ts";
import type { DesiredContext, Draft } from "./context.ts";
import { cloneJson } from "./json.ts";
import { ruleFor } from "./rules.ts";
import { travellingKeys } from "./tracking_keys.ts";

const NOT_COPIED: ReadonlySet<string> = new Set(["apiVersion", "kind", "metadata", "status"]);

/**
 * A draft of the copy: the body without status, and of the metadata only the name, labels and annotations (less our own
 * keys, tracking keys and what kubectl and the Deployment controller note), adapted by the rule of its kind.
 */
export function sanitize(source: KubeObject, context: DesiredContext): Draft {
  const draft: Draft = {
    source,
    object: copyBody(source, context.trackingKeys),
    context,
    reports: [],
    used: new Set(),
  };
  ruleFor(context.type).sanitize?.(draft);
  return draft;
}

/** The object without server-side fields: a new object that shares nothing with the source. */
export function copyBody(source: KubeObject, dropKeys: readonly string[] = []): Draft["object"] {
  const object: Draft["object"] = {
    apiVersion: source.apiVersion,
    kind: source.kind,
    metadata: {
      name: source.metadata.name,
      labels: travellingKeys(source.metadata.labels, dropKeys),
      annotations: travellingKeys(source.metadata.annotations, dropKeys),
    },
  };
  // Servers differ in where they write null for absent; the hash of a copy must not.
  const dropNulls = isBuiltIn(source.apiVersion);
  for (const key of Object.keys(source)) {
    if (!NOT_COPIED.has(key)) object[key] = cloneJson(source[key], dropNulls);
  }
  return object;
}
