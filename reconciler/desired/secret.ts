/**
 * Secret: tokens belong to one cluster.
 *
 * @module
 */

import type { KubeObject } from "../../kube/types.ts";
import { type DesiredContext, type Draft, type KindRule, type Skip, skip } from "./context.ts";

const TOKEN_TYPE = "kubernetes.io/service-account-token";
const SERVICE_ACCOUNT_NAME = "kubernetes.io/service-account.name";

/** Rule of Secret. */
export const secretRule: KindRule = { skip: skipSecret, sanitize: sanitizeSecret };

function skipSecret(source: KubeObject, { helmReleases }: DesiredContext): Skip | undefined {
  if (source.type !== "helm.sh/release.v1" || helmReleases === "Mirror") return undefined;
  return skip(source, "HelmRelease", "it records a Helm release of the source cluster, and spec.helmReleases is Skip");
}

/** Of a token only its type and account name: the token controller in DR fills in the rest, or deletes a verbatim copy. */
function sanitizeSecret({ object }: Draft): void {
  if (object.type !== TOKEN_TYPE) return;
  delete object.data;
  delete object.stringData;
  delete object.immutable;
  const { labels, annotations } = object.metadata;
  for (const key of Object.keys(labels)) if (key.startsWith("kubernetes.io/legacy-token-")) delete labels[key];
  for (const key of Object.keys(annotations)) {
    if (key.startsWith("kubernetes.io/service-account.") && key !== SERVICE_ACCOUNT_NAME) delete annotations[key];
  }
}
