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
export function convertSelection(
  fields: LegacyFields,
  remarks: Remarks,
  known: ReadonlySet<string>,
): Record<string, unknown> {
  return {
    ...takeTypes(fields, remarks),
    ...takeObjects(fields, remarks, known),
    ...takeLabels(fields, remarks, known),
  };
}

function takeTypes(fields: LegacyFields, remarks: Remarks): Record<string, unknown> {
  const listed = [fields.take("resourceTypes"), fields.take("namespaceScopedResources")].filter(Array.isArray).flat();
  const resourceTypes = resourceTypesFrom(listed, "spec.resourceTypes", remarks);
  return resourceTypes.length === 0 ? {} : { resourceTypes };
}

function takeObjects(fields: LegacyFields, { lost }: Remarks, known: ReadonlySet<string>): Record<string, unknown> {
  const listed = fields.take("excludeResources");
  const named = new Map<string, { kind: string; name: string }>();
  for (const item of Array.isArray(listed) ? listed : []) {
    const { kind, name } = (item ?? {}) as { kind?: unknown; name?: unknown };
    if (typeof kind === "string" && typeof name === "string") named.set(`${kind}/${name}`, { kind, name });
    else lost("spec.excludeResources", "an entry lacks kind or name; add it");
  }
  const excludeObjects = [...named.values()];
  if (excludeObjects.length === 0) return {};
  if (known.has("excludeObjects")) return { excludeObjects };
  lost("spec.excludeResources", `has no counterpart yet: label those objects ${IGNORE}=true in the source`);
  return {};
}

function takeLabels(fields: LegacyFields, { lost }: Remarks, known: ReadonlySet<string>): Record<string, unknown> {
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
  if (matchExpressions.length === 0) return {};
  if (known.has("labelSelector")) return { labelSelector: { matchExpressions } };
  lost("spec.excludeLabels", `has no counterpart yet: label those objects ${IGNORE}=true in the source`);
  return {};
}
