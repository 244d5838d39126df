/**
 * What a mapping of the first version selects: kinds, objects, labels.
 *
 * @module
 */
import { IGNORE } from "../keys.ts";
import type { Remarks } from "./finding.ts";
import type { LegacyFields } from "./legacy_fields.ts";
import { resourceTypesFrom } from "./values.ts";

/** Fields of a Replication's `spec`. */
export function convertSelection(fields: LegacyFields, remarks: Remarks): Record<string, unknown> {
  return {
    ...takeTypes(fields, remarks),
    ...takeObjects(fields, remarks),
    ...takeLabels(fields, remarks),
  };
}

function takeTypes(fields: LegacyFields, remarks: Remarks): Record<string, unknown> {
  const listed = [fields.take("resourceTypes"), fields.take("namespaceScopedResources")].filter(Array.isArray).flat();
  const resourceTypes = resourceTypesFrom(listed, "spec.resourceTypes", remarks);
  return resourceTypes.length === 0 ? {} : { resourceTypes };
}

function takeObjects(fields: LegacyFields, { lost }: Remarks): Record<string, unknown> {
  const listed = fields.take("excludeResources");
  const named = new Map<string, { kind: string; name: string }>();
  for (const item of Array.isArray(listed) ? listed : []) {
    const { kind, name } = (item ?? {}) as { kind?: unknown; name?: unknown };
    if (typeof kind === "string" && typeof name === "string") named.set(`${kind}/${name}`, { kind, name });
    else lost("spec.excludeResources", "an entry lacks kind or name; add it");
  }
  const excludeObjects = [...named.values()];
  return excludeObjects.length === 0 ? {} : { excludeObjects };
}

function takeLabels(fields: LegacyFields, { lost }: Remarks): Record<string, unknown> {
  const listed = fields.take("excludeLabels");
  const matchExpressions = (Array.isArray(listed) ? listed : []).flatMap((item) => {
    const { key, value } = (item ?? {}) as { key?: unknown; value?: unknown };
    if (typeof key !== "string") {
      lost("spec.excludeLabels", "an entry lacks its key; add it");
      return [];
    }
    // This one always excludes.
    if (key === IGNORE) return [];
    return [
      value === undefined ? { key, operator: "DoesNotExist" } : { key, operator: "NotIn", values: [String(value)] },
    ];
  });
  return matchExpressions.length === 0 ? {} : { labelSelector: { matchExpressions } };
}
