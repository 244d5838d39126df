/**
 * Fourth step of `desired`: nothing runs in a standby.
 *
 * @module
 */

import type { Draft } from "./context.ts";
import { ruleFor } from "./rules.ts";
import { hasScale, quiesceScale } from "./scale.ts";

/** Takes down whatever would run, by the rule of the kind, or by replicas where it has a scale subresource. */
export function quiesce(draft: Draft): Draft {
  const rule = ruleFor(draft.context.type).quiesce;
  if (rule !== undefined) rule(draft);
  else if (hasScale(draft.context)) quiesceScale(draft);
  return draft;
}
