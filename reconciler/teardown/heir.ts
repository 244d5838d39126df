/**
 * Who else has a claim on the copies of a Replication that is being deleted.
 *
 * @module
 */
import type { Replication } from "../../crds/types.ts";
import { conflictsWith, isOlder, type World } from "../../crds/validate.ts";
import { isSameEnd, nameOf, sourceOf } from "../../crds/world.ts";

/**
 * `namespace/name` of a Replication that stays and writes the same DR namespace: one that is older holds the fence, one of
 * the same source has the same copies. A younger one of another source waits until we are gone: it has no claim.
 */
export function heirOf(replication: Replication, world: World): string | undefined {
  const heir = conflictsWith(replication, world).find((other) =>
    other.metadata.deletionTimestamp === undefined &&
    (isOlder(other, replication) || isSameEnd(sourceOf(other, world), sourceOf(replication, world)))
  );
  return heir === undefined ? undefined : nameOf(heir);
}
