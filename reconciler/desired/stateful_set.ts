/**
 * StatefulSet: scaling it down must never delete claims in DR.
 *
 * @module
 */

import { ORIGINAL_PREFIX } from "../../crds/keys.ts";
import type { Draft, KindRule } from "./context.ts";
import { canonicalJson } from "./hash.ts";
import { ensureObject, objectAt, objectsAt } from "./json.ts";
import { keepOriginal, noted } from "./original.ts";
import { setReplicas } from "./scale.ts";
import { adaptClaim, settleTemplates } from "./storage.ts";

/** Annotation on a copy: the source's `persistentVolumeClaimRetentionPolicy` as JSON, when it is not the safe one. */
export const ORIGINAL_CLAIM_RETENTION = `${ORIGINAL_PREFIX}claim-retention-policy`;

/** Rule of apps/StatefulSet. */
export const statefulSetRule: KindRule = {
  sanitize: sanitizeStatefulSet,
  adapt: (draft) => {
    for (const template of objectsAt(draft.object, "spec", "volumeClaimTemplates")) adaptClaim(draft, template);
  },
  settle: settleTemplates,
  quiesce: (draft) => setReplicas(draft, ".spec.replicas"),
};

function sanitizeStatefulSet(draft: Draft): void {
  const spec = ensureObject(draft.object, "spec");
  for (const template of objectsAt(spec, "volumeClaimTemplates")) delete template.status;
  const policy = objectAt(spec, "persistentVolumeClaimRetentionPolicy") ?? {};
  const deletes = Object.values(policy).some((value) => value !== "Retain");
  if (deletes || noted(draft.source, ORIGINAL_CLAIM_RETENTION) !== undefined) {
    keepOriginal(draft, ORIGINAL_CLAIM_RETENTION, canonicalJson(policy));
  }
  spec.persistentVolumeClaimRetentionPolicy = { whenDeleted: "Retain", whenScaled: "Retain" };
}
