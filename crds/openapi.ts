/**
 * From a zod schema to the structural OpenAPI v3 schema a CustomResourceDefinition takes
 * ("structural schema" in
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/).
 *
 * @module
 */
import * as z from "zod";

/** A CEL rule of a schema. */
export interface CelRule {
  rule: string;
  message: string;
  fieldPath?: string;
}

/** The part of OpenAPI v3 that our schemas use. */
export interface StructuralSchema {
  description?: string;
  /** Missing where any JSON value may stand. */
  type?: "object" | "array" | "string" | "integer" | "boolean";
  format?: string;
  default?: unknown;
  enum?: string[];
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  required?: string[];
  items?: StructuralSchema;
  properties?: Record<string, StructuralSchema>;
  additionalProperties?: StructuralSchema;
  "x-kubernetes-preserve-unknown-fields"?: boolean;
  "x-kubernetes-list-type"?: "atomic" | "set" | "map";
  "x-kubernetes-list-map-keys"?: string[];
  "x-kubernetes-validations"?: CelRule[];
}

const ORDER = [
  "description",
  "type",
  "format",
  "default",
  "enum",
  "pattern",
  "minLength",
  "maxLength",
  "minimum",
  "maximum",
  "minItems",
  "maxItems",
  "x-kubernetes-preserve-unknown-fields",
  "x-kubernetes-list-type",
  "x-kubernetes-list-map-keys",
  "x-kubernetes-validations",
  "required",
  "items",
  "properties",
  "additionalProperties",
];

/**
 * The structural schema of a zod schema of strict objects, arrays, strings, integers, booleans, enums, any values,
 * and maps of strings to one of these.
 * Throws an Error naming the keyword when the zod schema uses something else.
 */
export function toStructuralSchema(schema: z.ZodType): StructuralSchema {
  return normalise(z.toJSONSchema(schema, { target: "openapi-3.0", io: "input", reused: "inline" }));
}

function normalise(node: object): StructuralSchema {
  const { additionalProperties, ...rest } = node as Record<string, unknown>;
  // An unknown field is refused by strict validation, or pruned: a structural schema may not say so itself.
  if (additionalProperties !== false && additionalProperties !== undefined) {
    rest.additionalProperties = normalise(additionalProperties as object);
  }
  const unknown = Object.keys(rest).find((key) => !ORDER.includes(key));
  if (unknown !== undefined) throw new Error(`Cannot make a structural schema: keyword ${unknown} is not supported`);
  const source = rest as unknown as StructuralSchema;
  if (source.type === "integer") clearLimits(source);
  if (source.items !== undefined) source.items = normalise(source.items);
  if (source.properties !== undefined) {
    source.properties = Object.fromEntries(
      Object.entries(source.properties).map(([name, property]) => [name, normalise(property)]),
    );
  }
  return Object.fromEntries(
    ORDER.filter((key) => key in source).map((key) => [key, source[key as keyof StructuralSchema]]),
  ) as unknown as StructuralSchema;
}

/** zod bounds integers by what a double can hold; Kubernetes says int64. */
function clearLimits(source: StructuralSchema): void {
  if (source.minimum === Number.MIN_SAFE_INTEGER) delete source.minimum;
  if (source.maximum === Number.MAX_SAFE_INTEGER) delete source.maximum;
  source.format = "int64";
}
