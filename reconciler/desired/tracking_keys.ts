/**
 * Labels and annotations that do not travel to a copy.
 *
 * @module
 */

import { GROUP, IGNORE, SCALE_OVERRIDE, STORAGE_CLASS } from "../../crds/keys.ts";

/**
 * Keys by which a GitOps tool knows its objects: the same tool in DR would prune or revert the copies.
 * One that ends with `/` stands for every key with that prefix.
 *
 * `app.kubernetes.io/instance` is not among them although older Argo CD tracks by it: selectors of Services, monitors
 * and charts use that label too, and nothing on the object tells the two uses apart. Who needs it dropped adds it.
 */
export const TRACKING_KEYS: readonly string[] = [
  "argocd.argoproj.io/tracking-id",
  "argocd.argoproj.io/installation-id",
  "argocd.argoproj.io/instance",
  "kustomize.toolkit.fluxcd.io/",
  "helm.toolkit.fluxcd.io/",
  "applyset.kubernetes.io/part-of",
  "config.k8s.io/owning-inventory",
  "kapp.k14s.io/app",
  "kapp.k14s.io/association",
  "kapp.k14s.io/identity",
  "kapp.k14s.io/original",
  "kapp.k14s.io/original-diff-md5",
  "objectset.rio.cattle.io/",
];

/** Keys that the source's own tools and controllers write on any object. */
const SOURCE_KEYS: readonly string[] = [
  "kubectl.kubernetes.io/last-applied-configuration",
  "deployment.kubernetes.io/",
];

/** Keys of ours that users set; all other `dr-syncer.io/*` keys are written by us and would forge ownership. */
const USER_KEYS: ReadonlySet<string> = new Set([IGNORE, SCALE_OVERRIDE, STORAGE_CLASS]);

const DROPPED = [...TRACKING_KEYS, ...SOURCE_KEYS];

/** Whether one of our keys that only we write. */
export function isOwnKey(key: string): boolean {
  return key.startsWith(`${GROUP}/`) && !USER_KEYS.has(key);
}

/** Whether a key is one of the listed ones, or begins with one that ends with `/`. */
export function matchesKey(listed: readonly string[], key: string): boolean {
  return listed.some((entry) => entry === key || (entry.endsWith("/") && key.startsWith(entry)));
}

/** The labels or annotations that travel, in a new object. `more` lists further keys to drop. */
export function travellingKeys(
  keys: Readonly<Record<string, string>> | undefined,
  more: readonly string[] = [],
): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [key, value] of Object.entries(keys ?? {})) {
    if (!isOwnKey(key) && !matchesKey(DROPPED, key) && !matchesKey(more, key)) kept[key] = value;
  }
  return kept;
}
