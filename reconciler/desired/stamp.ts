/**
 * Last step of `desired`: identity, place and proof of ownership.
 *
 * @module
 */

import { DESIRED_HASH, MANAGED_BY, ORIGIN } from "../../crds/keys.ts";
import type { KubeObject } from "../../kube/types.ts";
import type { Draft } from "./context.ts";
import { hashOf } from "./hash.ts";
import { formatOrigin } from "./ownership.ts";

/** The API server's limit on the sum of all annotation keys and values. */
const ANNOTATIONS_LIMIT_BYTES = 256 * 1024;

/** Where the copy is written; no namespace for a cluster-scoped kind. */
export interface Place {
  readonly apiVersion: string;
  readonly name: string;
  readonly namespace?: string;
}

/**
 * Sets apiVersion, kind, name, namespace and our own keys, whatever earlier steps left there. The hash covers everything
 * but its own annotation: also the origin's uid, so a re-created source rewrites its copy once.
 */
export function stamp(draft: Draft, place: Place): { object: KubeObject; hash: string } {
  const { source, context, object } = draft;
  const { labels, annotations } = object.metadata;
  labels[MANAGED_BY] = context.replicationId;
  annotations[ORIGIN] = formatOrigin({
    cluster: context.sourceClusterId,
    namespace: context.sourceNamespace,
    name: source.metadata.name,
    uid: source.metadata.uid ?? "",
  });
  delete annotations[DESIRED_HASH];
  object.apiVersion = place.apiVersion;
  object.kind = source.kind;
  object.metadata = { name: place.name, labels, annotations };
  if (place.namespace !== undefined) object.metadata.namespace = place.namespace;
  const hash = hashOf(object);
  annotations[DESIRED_HASH] = hash;
  reportAnnotationSize(draft);
  return { object, hash };
}

function reportAnnotationSize(draft: Draft): void {
  const { annotations, name } = draft.object.metadata;
  const text = Object.entries(annotations).flat().join("");
  // At most three UTF-8 bytes a code unit: short text needs no encoding.
  if (text.length * 3 <= ANNOTATIONS_LIMIT_BYTES) return;
  const sizeBytes = new TextEncoder().encode(text).length;
  if (sizeBytes <= ANNOTATIONS_LIMIT_BYTES) return;
  draft.reports.push({
    reason: "AnnotationsTooLarge",
    message: `Annotations of ${draft.object.kind} ${name} take ${sizeBytes} bytes together with ours: ` +
      `the API server accepts ${ANNOTATIONS_LIMIT_BYTES}. Shorten them on the source.`,
  });
}
