/**
 * ServiceAccount: without the token Secrets of the source cluster.
 *
 * @module
 */

import type { KubeObject, ResourceType } from "../../kube/types.ts";
import { type Draft, type KindRule, type Skip, skip } from "./context.ts";
import { objectsAt } from "./json.ts";
import { travellingKeys } from "./tracking_keys.ts";

/** Rule of ServiceAccount. */
export const serviceAccountRule: KindRule = { skip: skipDefault, sanitize: dropTokens };

/** Each cluster makes a `default` account in every namespace; one that nobody changed says nothing. */
function skipDefault(source: KubeObject): Skip | undefined {
  if (source.metadata.name !== "default") return undefined;
  const { labels, annotations } = source.metadata;
  const marked = Object.keys({ ...travellingKeys(labels), ...travellingKeys(annotations) }).length > 0;
  const changed = marked || source.automountServiceAccountToken !== undefined ||
    objectsAt(source, "imagePullSecrets").length > 0 || objectsAt(source, "secrets").some((ref) => !isToken(ref.name));
  return changed ? undefined : skip(source, "ExcludedName", "the DR cluster makes its own");
}

/** Whether an object of DR is a `default` account as the server made it, and nobody's since. */
export function isAsMade(type: ResourceType, live: KubeObject): boolean {
  if (type.group !== "" || type.resource !== "serviceaccounts" || live.metadata.name !== "default") return false;
  const { labels, annotations } = live.metadata;
  return Object.keys({ ...labels, ...annotations }).length === 0 && live.automountServiceAccountToken === undefined &&
    objectsAt(live, "imagePullSecrets").length === 0 && objectsAt(live, "secrets").every((ref) => isToken(ref.name));
}

function dropTokens({ object }: Draft): void {
  const secrets = objectsAt(object, "secrets").filter((ref) => !isToken(ref.name));
  if (secrets.length > 0) object.secrets = secrets;
  else delete object.secrets;
}

function isToken(name: unknown): boolean {
  return typeof name === "string" && name.includes("-token-");
}
