/**
 * matchConditions (CEL) of our webhooks: what an API server need not even ask about. Checked on 1.30 and 1.36.
 *
 * @module
 */

/** One condition; all must hold for a call. */
export interface MatchCondition {
  readonly name: string;
  readonly expression: string;
}

/**
 * Pausing and the removal of finalizers must work while nobody serves the hook, so only a spec that changed beyond
 * `paused`, of an object that is not going away, is asked about.
 */
export const VALIDATE_CONDITIONS: readonly MatchCondition[] = [
  { name: "not-deleting", expression: "!has(object.metadata.deletionTimestamp)" },
  {
    name: "spec-changed",
    expression: "oldObject == null || !has(oldObject.spec) || !has(object.spec) || " +
      'object.spec.exists(k, k != "paused" && (!(k in oldObject.spec) || object.spec[k] != oldObject.spec[k])) || ' +
      'oldObject.spec.exists(k, k != "paused" && !(k in object.spec))',
  },
];

/**
 * What is never mirrored, or changes too often to be worth a call: the watch tells of it. Pods and what nodes and
 * controllers write for them, leader election, reviews that are not stored at all. `status` is a subresource, which the
 * rules do not name.
 */
export const OBSERVE_CONDITIONS: readonly MatchCondition[] = [
  { name: "no-dry-run", expression: "!has(request.dryRun) || !request.dryRun" },
  {
    name: "not-core-noise",
    expression: 'request.resource.group != "" || ' +
      '!(request.resource.resource in ["pods", "events", "endpoints", "bindings", "podtemplates"])',
  },
  {
    name: "not-group-noise",
    expression: "!(request.resource.group in " +
      '["coordination.k8s.io", "events.k8s.io", "discovery.k8s.io", "metrics.k8s.io", "authorization.k8s.io"])',
  },
  {
    name: "not-revisions",
    expression: 'request.resource.group != "apps" || request.resource.resource != "controllerrevisions"',
  },
];

/** Leaves out what we write ourselves: an echo would ring the bell it came from. */
export function ownWritesCondition(userNames: readonly string[]): MatchCondition[] {
  if (userNames.length === 0) return [];
  const names = [...new Set(userNames)].sort().map((name) => JSON.stringify(name)).join(", ");
  return [{ name: "not-our-own", expression: `!(request.userInfo.username in [${names}])` }];
}
