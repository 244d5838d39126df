/**
 * PersistentVolumeClaim: the claim travels, its binding does not.
 *
 * @module
 */

import { STORAGE_CLASS } from "../../crds/keys.ts";
import type { Draft, KindRule } from "./context.ts";
import { ensureObject } from "./json.ts";
import { matchesKey } from "./tracking_keys.ts";

/** Notes of binder, provisioner, scheduler, resizer and backup tools on one claim of one cluster. */
const BINDING_ANNOTATIONS = [
  "pv.kubernetes.io/",
  "volume.kubernetes.io/",
  "volume.beta.kubernetes.io/storage-provisioner",
];
const LEGACY_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class";

/** Rule of PersistentVolumeClaim. */
export const persistentVolumeClaimRule: KindRule = { sanitize: sanitizeClaim };

function sanitizeClaim({ object }: Draft): void {
  const { labels, annotations } = object.metadata;
  for (const key of Object.keys(annotations)) if (matchesKey(BINDING_ANNOTATIONS, key)) delete annotations[key];
  const spec = ensureObject(object, "spec");
  delete spec.volumeName;
  delete spec.dataSource;
  delete spec.dataSourceRef;
  const storageClass = labels[STORAGE_CLASS];
  if (storageClass !== undefined && storageClass !== "") {
    spec.storageClassName = storageClass;
    delete annotations[LEGACY_CLASS_ANNOTATION];
  }
}
