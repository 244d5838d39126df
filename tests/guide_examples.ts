/**
 * The examples of docs/guide/migration.md, for the tests that run them.
 *
 * @module
 */

/** One conversion: what goes in, what comes out. */
export interface MigrationExample {
  /** Flags of `convert` beside `-f -`. */
  readonly flags: readonly string[];
  readonly before: string;
  readonly after: string;
  /** On standard error. */
  readonly said: string;
}

/** Fenced blocks whose info string is `yaml before FLAGS…`, `yaml after`, `text said`, in this order. */
export async function migrationExamples(): Promise<MigrationExample[]> {
  const text = await Deno.readTextFile(new URL("../docs/guide/migration.md", import.meta.url));
  const examples: { flags: string[]; before: string; after: string; said: string }[] = [];
  for (const [, info = "", body = ""] of text.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)) {
    const [, what, ...flags] = info.split(" ");
    if (what === "before") examples.push({ flags, before: body, after: "", said: "" });
    const last = examples.at(-1);
    if (last !== undefined && (what === "after" || what === "said")) last[what] += body;
  }
  return examples;
}
