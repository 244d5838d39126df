/**
 * CustomResourceDefinitions of mirrored custom resources.
 *
 * @module
 */

import { DESIRED_HASH, ORIGIN } from "../../crds/keys.ts";
import type { KubeObject } from "../../kube/types.ts";
import { hashOf } from "./hash.ts";
import { objectAt, objectsAt } from "./json.ts";
import { formatOrigin, readOrigin } from "./ownership.ts";
import { copyBody } from "./sanitize.ts";

/**
 * A definition as it is in DR: without status and without the conversion webhook's CA (DR's own injector writes that).
 * Its origin is the source cluster: it serves every Replication from there, and is no copy of any.
 */
export function desiredCrd(
  source: KubeObject,
  sourceClusterId: string,
  trackingKeys: readonly string[] = [],
): KubeObject {
  const object = copyBody(source, trackingKeys);
  delete objectAt(object, "spec", "conversion", "webhook", "clientConfig")?.caBundle;
  const { annotations, name } = object.metadata;
  annotations[ORIGIN] = formatOrigin({
    cluster: sourceClusterId,
    namespace: "",
    name,
    uid: source.metadata.uid ?? "",
  });
  annotations[DESIRED_HASH] = hashOf(object);
  return object;
}

/** Whether a definition of DR was made from the source cluster's. */
export function isDefinitionOf({ metadata }: KubeObject, sourceClusterId: string): boolean {
  const origin = readOrigin(metadata);
  return origin?.cluster === sourceClusterId && origin.namespace === "" && origin.name === metadata.name;
}

/**
 * Why a definition must not take the place of the live one; undefined when it may. Objects of a version that goes could
 * not be read any more, by DR's own clients or at all.
 */
export function lostVersion(live: KubeObject, wanted: KubeObject): string | undefined {
  const stored = objectAt(live, "status")?.storedVersions;
  const kept = new Map(objectsAt(wanted, "spec", "versions").map(({ name, served }) => [name, served]));
  for (const version of Array.isArray(stored) ? stored : []) {
    if (kept.has(version)) continue;
    return `the source's has no version ${version} any more, at which DR still stores objects: migrate them, take ` +
      `${version} out of status.storedVersions in DR, and remove it from spec.versions there`;
  }
  for (const { name, served } of objectsAt(live, "spec", "versions")) {
    if (served !== true || kept.get(name) === true) continue;
    return `the source's does not serve version ${name} any more, which DR does: when nobody in DR uses it, stop ` +
      "serving it there";
  }
}
