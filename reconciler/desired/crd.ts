/**
 * CustomResourceDefinitions of mirrored custom resources.
 *
 * @module
 */

import type { KubeObject } from "../../kube/types.ts";
import { objectAt } from "./json.ts";
import { copyBody } from "./sanitize.ts";

/**
 * A definition as it is created in DR where it is missing: without status and without the conversion webhook's CA (DR's
 * own injector writes that). Not stamped: a definition serves every Replication, and is nobody's copy.
 */
export function desiredCrd(source: KubeObject): KubeObject {
  const object = copyBody(source);
  delete objectAt(object, "spec", "conversion", "webhook", "clientConfig")?.caBundle;
  return object;
}
