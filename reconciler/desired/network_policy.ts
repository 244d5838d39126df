/**
 * NetworkPolicy: selectors that name the namespace.
 *
 * @module
 */

import type { KindRule } from "./context.ts";
import { renameInSelectors } from "./namespace_names.ts";

/** Rule of networking.k8s.io/NetworkPolicy. */
export const networkPolicyRule: KindRule = { sanitize: (draft) => renameInSelectors(draft, draft.object.spec) };
