/**
 * ConfigMap: some are published by the cluster itself, some are locks.
 *
 * @module
 */

import type { KubeObject } from "../../kube/types.ts";
import { type KindRule, type Skip, skip } from "./context.ts";
import { skipLock } from "./lock.ts";

/** ConfigMaps that a publisher in DR would revert after every write. */
export const PUBLISHED_CONFIG_MAPS: readonly string[] = [
  "kube-root-ca.crt",
  "openshift-service-ca.crt",
  "istio-ca-root-cert",
];

/** Rule of ConfigMap. */
export const configMapRule: KindRule = { skip: skipConfigMap };

function skipConfigMap(source: KubeObject): Skip | undefined {
  if (PUBLISHED_CONFIG_MAPS.includes(source.metadata.name)) {
    return skip(source, "ExcludedName", "the DR cluster publishes its own");
  }
  return skipLock(source, "data");
}
