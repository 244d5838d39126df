/**
 * Gateway API (routes, Gateway, ReferenceGrant): references across namespaces.
 *
 * @module
 */

import type { Draft, KindRule } from "./context.ts";
import { mapGatewayHosts } from "./hosts.ts";
import { parkPublishing } from "./ingress.ts";
import { walkObjects } from "./json.ts";
import { renameInSelectors, renameNamespace } from "./namespace_names.ts";

/** Rule of every kind in gateway.networking.k8s.io. */
export const gatewayRule: KindRule = {
  sanitize: sanitizeGateway,
  adapt: mapGatewayHosts,
  quiesce: (draft) => {
    if (PUBLISHED.test(draft.object.kind)) parkPublishing(draft);
  },
};

/** Kinds whose host names external-dns and cert-manager act on. */
const PUBLISHED = /^Gateway$|Route$/;

/** In this group a field `namespace` always names the namespace of a reference. */
function sanitizeGateway(draft: Draft): void {
  walkObjects(draft.object.spec, (object) => {
    if (typeof object.namespace === "string") object.namespace = renameNamespace(draft.context, object.namespace);
  });
  renameInSelectors(draft, draft.object.spec);
}
