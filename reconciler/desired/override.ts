/**
 * Third step of `desired`: the overrides of the Replication's spec.
 *
 * @module
 */

import { matchesGlob } from "../../crds/glob.ts";
import { matchesLabels } from "../../crds/label_selector.ts";
import type { Override } from "../../crds/types.ts";
import type { KubeObject } from "../../kube/types.ts";
import type { Draft, Invalid } from "./context.ts";
import { applyOperation, PatchError } from "./json_patch.ts";

/** Patches the draft, in the order of the list; answers what does not fit it, and then nothing of it may be written. */
export function override(draft: Draft): Invalid | undefined {
  for (const rule of draft.context.adaptation?.overrides ?? []) {
    if (!matches(rule, draft.source)) continue;
    draft.used.add(`overrides[${rule.name}]`);
    for (const [index, operation] of rule.jsonPatch.entries()) {
      try {
        applyOperation(draft.object, operation);
      } catch (error) {
        if (!(error instanceof PatchError)) throw error;
        const message = `override ${rule.name} does not fit ${draft.source.kind} ${draft.source.metadata.name}: ` +
          `jsonPatch[${index}]: ${error.message}`;
        return { kind: "invalid", message, used: draft.used };
      }
    }
  }
}

/** Asked of the source object, as the user sees it. */
function matches({ match: { name, labelSelector } }: Override, { metadata }: KubeObject): boolean {
  return (name === undefined || matchesGlob(name, metadata.name)) &&
    (labelSelector === undefined || matchesLabels(labelSelector, metadata.labels));
}
