/**
 * Whether a copy is as its create left it, told by its `managedFields`.
 *
 * @module
 */
import { FIELD_MANAGER } from "../crds/keys.ts";
import type { ObjectMeta } from "../kube/types.ts";
import { isObject } from "./desired/json.ts";

/** Where `managedFields` tells of our create; undefined once we have applied the object, or when it is not our creation. */
export function createdEntry({ managedFields = [] }: ObjectMeta): number | undefined {
  const ours = (operation: string) =>
    managedFields.findIndex((entry) =>
      isObject(entry) && entry.manager === FIELD_MANAGER && entry.operation === operation && !entry.subresource
    );
  const created = ours("Update");
  return created < 0 || ours("Apply") >= 0 ? undefined : created;
}
