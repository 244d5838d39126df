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
import { isObject, type JsonObject } from "./json.ts";
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
        return misfit(draft, rule, `jsonPatch[${index}]: ${error.message}`);
      }
    }
    // What an operation brings from elsewhere in the object is known only now.
    const field = ["labels", "annotations"].find((name) => !isTexts((draft.object.metadata as JsonObject)[name]));
    if (field !== undefined) return misfit(draft, rule, `metadata.${field} would hold what is no text`);
  }
}

function misfit({ source, used }: Draft, { name }: Override, why: string): Invalid {
  const message = `override ${name} does not fit ${source.kind} ${source.metadata.name}: ${why}`;
  return { kind: "invalid", message, used };
}

function isTexts(value: unknown): boolean {
  return value === undefined || (isObject(value) && Object.values(value).every((text) => typeof text === "string"));
}

/** Asked of the source object, as the user sees it. */
function matches({ match: { name, labelSelector } }: Override, { metadata }: KubeObject): boolean {
  return (name === undefined || matchesGlob(name, metadata.name)) &&
    (labelSelector === undefined || matchesLabels(labelSelector, metadata.labels));
}
