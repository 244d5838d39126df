/**
 * The Namespace of the copies.
 *
 * @module
 */

import type { KubeObject } from "../../kube/types.ts";
import type { DesiredContext } from "./context.ts";
import { copyBody } from "./sanitize.ts";
import { stamp } from "./stamp.ts";

// What each cluster gives its namespaces itself.
const NAME_LABEL = "kubernetes.io/metadata.name";
const OPENSHIFT_RANGES = "openshift.io/sa.scc.";

/**
 * The destination Namespace as it is created when it is missing: the source's labels (`pod-security.kubernetes.io/*`
 * included) and annotations, stamped as ours, nothing else. One that exists is never relabelled with this.
 */
export function desiredNamespace(source: KubeObject, context: DesiredContext): KubeObject {
  const object = copyBody(source, context.trackingKeys);
  delete object.spec;
  for (const keys of [object.metadata.labels, object.metadata.annotations]) {
    for (const key of Object.keys(keys)) {
      if (key === NAME_LABEL || key.startsWith(OPENSHIFT_RANGES)) delete keys[key];
    }
  }
  const draft = { source, object, context, reports: [], used: new Set<string>() };
  return stamp(draft, { apiVersion: "v1", name: context.destinationNamespace }).object;
}
