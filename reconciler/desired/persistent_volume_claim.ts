/**
 * PersistentVolumeClaim: the claim travels, its binding does not.
 *
 * @module
 */

import type { Draft, KindRule } from "./context.ts";
import { ensureObject } from "./json.ts";
import { adaptClaim, settleClaim } from "./storage.ts";
import { matchesKey } from "./tracking_keys.ts";

/** Notes of binder, provisioner, scheduler, resizer and backup tools on one claim of one cluster. */
const BINDING_ANNOTATIONS = [
  "pv.kubernetes.io/",
  "volume.kubernetes.io/",
  "volume.beta.kubernetes.io/storage-provisioner",
];

/** Rule of PersistentVolumeClaim. */
export const persistentVolumeClaimRule: KindRule = {
  sanitize: sanitizeClaim,
  adapt: (draft) => adaptClaim(draft, draft.object),
  settle: settleClaim,
};

function sanitizeClaim({ object }: Draft): void {
  const { annotations } = object.metadata;
  for (const key of Object.keys(annotations)) if (matchesKey(BINDING_ANNOTATIONS, key)) delete annotations[key];
  const spec = ensureObject(object, "spec");
  delete spec.volumeName;
  delete spec.dataSource;
  delete spec.dataSourceRef;
}
