/**
 * Kinds with `spec.suspend`.
 *
 * @module
 */

import { ORIGINAL_SUSPEND } from "../../crds/keys.ts";
import type { Draft } from "./context.ts";
import { ensureObject } from "./json.ts";
import { keepOriginal } from "./original.ts";
import { wantedReplicas } from "./scale_override.ts";

/** Sets `spec.suspend` and notes the source's value, unless the object is wanted to run in DR. */
export function suspend(draft: Draft): void {
  if (wantedReplicas(draft) !== 0) return;
  const spec = ensureObject(draft.object, "spec");
  keepOriginal(draft, ORIGINAL_SUSPEND, String(spec.suspend === true));
  spec.suspend = true;
}
