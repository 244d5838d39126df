/**
 * Second step of `desired`: what the Replication's mappings say is different in DR.
 *
 * @module
 */

import type { Draft } from "./context.ts";
import { rewriteImages } from "./images.ts";
import { ruleFor } from "./rules.ts";

/** Rewrites images in every kind, and what else the kind has a mapping for. */
export function adapt(draft: Draft): Draft {
  rewriteImages(draft);
  ruleFor(draft.context.type).adapt?.(draft);
  return draft;
}
