/**
 * DaemonSet: has no replicas, so a standby selects nodes that do not exist.
 *
 * @module
 */

import { GROUP, ORIGINAL_PREFIX } from "../../crds/keys.ts";
import type { Draft, KindRule } from "./context.ts";
import { canonicalJson } from "./hash.ts";
import { ensureObject } from "./json.ts";
import { keepOriginal } from "./original.ts";
import { wantedReplicas } from "./scale_override.ts";

/** Node label that no node has: in the node selector of a standby's DaemonSets. */
export const STANDBY_NODE = `${GROUP}/standby`;
/** Annotation on a copy: the source's node selector as JSON, `{}` when it has none. */
export const ORIGINAL_NODE_SELECTOR = `${ORIGINAL_PREFIX}node-selector`;

/** Rule of apps/DaemonSet. */
export const daemonSetRule: KindRule = { sanitize: sanitizeDaemonSet, quiesce: quiesceDaemonSet };

function sanitizeDaemonSet({ object }: Draft): void {
  delete object.metadata.annotations["deprecated.daemonset.template.generation"];
}

function quiesceDaemonSet(draft: Draft): void {
  if (wantedReplicas(draft) !== 0) return;
  const podSpec = ensureObject(draft.object, "spec", "template", "spec");
  const nodeSelector = ensureObject(podSpec, "nodeSelector");
  keepOriginal(draft, ORIGINAL_NODE_SELECTOR, canonicalJson(nodeSelector));
  nodeSelector[STANDBY_NODE] = "true";
}
