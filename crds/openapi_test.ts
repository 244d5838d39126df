import assert from "node:assert/strict";
import * as z from "zod";
import { type StructuralSchema, toStructuralSchema } from "./openapi.ts";
import { kindDefinitions } from "./manifests.ts";

/** Every node of a schema with its path. */
function nodesOf(schema: StructuralSchema, path = ""): [string, StructuralSchema][] {
  const fields = Object.entries(schema.properties ?? {}).flatMap(([name, field]) => nodesOf(field, `${path}.${name}`));
  return [[path, schema], ...fields, ...(schema.items === undefined ? [] : nodesOf(schema.items, `${path}[]`))];
}

Deno.test("integers are int64 and carry only the limits somebody set", () => {
  const schema = toStructuralSchema(z.strictObject({ free: z.int(), small: z.int().min(0).max(5) }));
  assert.deepEqual(schema.properties, {
    free: { type: "integer", format: "int64" },
    small: { type: "integer", format: "int64", minimum: 0, maximum: 5 },
  });
});

Deno.test("a field with a default is not required, and unknown fields are left to the server", () => {
  const schema = toStructuralSchema(
    z.strictObject({ a: z.string(), b: z.string().default("x"), c: z.boolean().optional() }),
  );
  assert.deepEqual(schema.required, ["a"]);
  assert.equal(schema.properties?.b?.default, "x");
  assert.ok(!("additionalProperties" in schema));
});

Deno.test("a map of strings is a map of strings", () => {
  const schema = toStructuralSchema(z.record(z.string(), z.string()));
  assert.deepEqual(schema, { type: "object", additionalProperties: { type: "string" } });
});

Deno.test("any value is kept as it is", () => {
  const meta = { "x-kubernetes-preserve-unknown-fields": true };
  const schema = toStructuralSchema(z.strictObject({ a: z.unknown().optional().meta(meta) }));
  assert.deepEqual(schema.properties, { a: meta });
});

Deno.test("what a structural schema cannot say is refused", () => {
  assert.throws(() => toStructuralSchema(z.union([z.string(), z.int()])), /keyword anyOf is not supported/);
});

Deno.test("every field of our kinds is described, and every list says how it merges", () => {
  for (const { type, schema } of kindDefinitions()) {
    for (const [path, node] of nodesOf(schema)) {
      const isOurs = path.startsWith(".spec") || path.startsWith(".status");
      if (isOurs && !path.endsWith("[]")) assert.ok(node.description, `${type.kind}${path} has no description`);
      if (node.type === "array") assert.ok(node["x-kubernetes-list-type"], `${type.kind}${path} has no list type`);
    }
  }
});
