/**
 * The field reference in Markdown, made from the schemas.
 *
 * @module
 */
import type { StructuralSchema } from "./openapi.ts";
import { type KindDefinition, kindDefinitions } from "./manifests.ts";
import { GROUP, VERSION } from "./keys.ts";

interface Row {
  readonly path: string;
  readonly schema: StructuralSchema;
  readonly required: boolean;
}

/** The reference of all our kinds: one Markdown page. */
export function fieldReference(): string {
  const head = [
    "<!-- Generated from crds/schema by `deno task generate`. Do not edit. -->",
    "",
    `# API reference: \`${GROUP}/${VERSION}\``,
    "",
    "A field with `*` is required. `[]` marks the items of a list. A list with *set* or *map by* can be owned in " +
    "parts by several field managers; an *atomic* list has one owner.",
    "",
  ];
  return [...head, ...kindDefinitions().flatMap(kindSection)].join("\n");
}

function kindSection({ type, schema, columns, usage }: KindDefinition): string[] {
  const { spec, status } = schema.properties ?? {};
  if (spec === undefined || status === undefined) throw new Error(`Cannot document ${type.kind}: no spec or no status`);
  return [
    `## ${type.kind}`,
    "",
    `${schema.description ?? ""} Namespaced; ${usage}.`,
    "",
    "### spec",
    "",
    ...fieldTable(spec),
    ...ruleList(spec),
    "### status",
    "",
    ...fieldTable(status),
    "### Columns",
    "",
    "| column | from | meaning |",
    "| --- | --- | --- |",
    ...columns.map(({ name, jsonPath, description }) => `| ${name} | ${code(jsonPath)} | ${description} |`),
    "",
  ];
}

function fieldTable(schema: StructuralSchema): string[] {
  return [
    "| field | type | default | meaning |",
    "| --- | --- | --- | --- |",
    ...rowsOf("", schema).map(({ path, schema, required }) => {
      const cells = [
        `${code(path)}${required ? " *" : ""}`,
        typeText(schema),
        defaultText(schema),
        escape(schema.description ?? ""),
      ];
      return `| ${cells.join(" | ")} |`;
    }),
    "",
  ];
}

function ruleList(schema: StructuralSchema): string[] {
  const rules = schema["x-kubernetes-validations"] ?? [];
  if (rules.length === 0) return [];
  return ["Checked by the API server:", "", ...rules.map(({ message }) => `- ${message}`), ""];
}

/** Fields in depth-first order, the object before its fields. */
function rowsOf(prefix: string, schema: StructuralSchema): Row[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const row = { path, schema: field, required: schema.required?.includes(name) ?? false };
    const items = field.items?.properties === undefined ? [] : rowsOf(`${path}[].`, field.items);
    return [row, ...items, ...rowsOf(`${path}.`, field)];
  });
}

function typeText(schema: StructuralSchema): string {
  if (schema.enum !== undefined) return schema.enum.join(", ");
  if (schema.type === "array") return listText(schema);
  if (schema.format === "date-time") return "time";
  if (schema.additionalProperties !== undefined) return `map of ${schema.additionalProperties.type}`;
  const limits = [
    ...(schema.minimum === undefined ? [] : [`≥ ${schema.minimum}`]),
    ...(schema.maximum === undefined ? [] : [`≤ ${schema.maximum}`]),
    ...(schema.maxLength === undefined ? [] : [`≤ ${schema.maxLength} characters`]),
  ];
  return [schema.type ?? "any value", ...limits].join(", ");
}

function listText(schema: StructuralSchema): string {
  const keys = (schema["x-kubernetes-list-map-keys"] ?? []).join(", ");
  const listType = schema["x-kubernetes-list-type"] ?? "atomic";
  const most = schema.maxItems === undefined ? "" : `, ≤ ${schema.maxItems}`;
  return `list of ${schema.items?.type ?? "object"}, ${listType === "map" ? `map by ${keys}` : listType}${most}`;
}

function defaultText(schema: StructuralSchema): string {
  if (schema.default === undefined || typeof schema.default === "object") return "";
  return code(JSON.stringify(schema.default));
}

function code(text: string): string {
  return `\`${text}\``;
}

function escape(text: string): string {
  return text.replaceAll("|", "\\|");
}
