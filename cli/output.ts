/**
 * What verbs have in common on a terminal: formats, and files named on the command line.
 *
 * @module
 */
import { parseAllDocuments, stringify } from "yaml";

/** Formats for machines. */
export const MACHINE_FORMATS = ["json", "yaml"] as const;
export type MachineFormat = (typeof MACHINE_FORMATS)[number];

/** A failure of a verb in one sentence for people; no stack is shown. */
export class VerbError extends Error {
  override readonly name = "VerbError";
}

/** One value as JSON or YAML, with the newline at its end. */
export function formatValue(value: unknown, format: MachineFormat): string {
  return format === "json"
    ? `${JSON.stringify(value, undefined, 2)}\n`
    : stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** A document of a manifest file. */
export interface ManifestDocument {
  /** As it was named; `-` for standard input. */
  readonly file: string;
  readonly value: unknown;
}

/** Reads a file, or all of standard input for `-`. */
export type ReadText = (file: string) => Promise<string>;

/** The documents of YAML or JSON files, members of Lists one by one, empty ones left out. Throws `VerbError`. */
export async function readManifests(files: readonly string[], readText: ReadText): Promise<ManifestDocument[]> {
  const documents: ManifestDocument[] = [];
  for (const file of files) {
    const text = await readText(file).catch((error: unknown) => {
      throw new VerbError(`cannot read ${file}: ${error instanceof Error ? error.message : error}`);
    });
    for (const value of parse(file, text)) {
      const members = isList(value) ? value.items : [value];
      documents.push(...members.filter((member) => member !== null).map((member) => ({ file, value: member })));
    }
  }
  return documents;
}

/** The parser's own words quote what it reads, which may be of a Secret: they are not told. */
function parse(file: string, text: string): unknown[] {
  return parseAllDocuments(text).map((document) => {
    const error = document.errors[0];
    if (error !== undefined) {
      const line = error.linePos?.[0].line;
      throw new VerbError(`cannot read ${file}: it is not YAML${line === undefined ? "" : ` (line ${line})`}`);
    }
    try {
      return document.toJS();
    } catch {
      // A value that begins with `*` stands for one that was marked with `&`.
      throw new VerbError(
        `cannot read ${file}: a value refers to what is not there; put what begins with * into quotes`,
      );
    }
  });
}

function isList(value: unknown): value is { items: unknown[] } {
  return typeof value === "object" && value !== null && "items" in value && Array.isArray(value.items) &&
    "kind" in value && typeof value.kind === "string" && value.kind.endsWith("List");
}
