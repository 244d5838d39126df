import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { ALWAYS_EXCLUDED } from "../reconciler/desired/kinds.ts";
import { FAILURE_CLASSES } from "../reconciler/failure.ts";
import { VOLUME_REASONS } from "../reconciler/volumes/volume_reasons.ts";

const root = join(import.meta.dirname ?? ".", "..");

async function* markdownFiles(folder: string): AsyncGenerator<string> {
  for await (const { name, isFile, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory && !name.startsWith(".")) yield* markdownFiles(join(folder, name));
    if (isFile && name.endsWith(".md")) yield join(folder, name);
  }
}

Deno.test("the guide names every kind that is never mirrored", async () => {
  const text = await Deno.readTextFile(join(root, "docs/guide/mirroring.md"));
  assert.deepEqual(Object.keys(ALWAYS_EXCLUDED).filter((kind) => !text.includes(`\`${kind}\``)), []);
});

Deno.test("the guide has every failure class", async () => {
  const text = await Deno.readTextFile(join(root, "docs/guide/failures.md"));
  assert.deepEqual(FAILURE_CLASSES.filter((one) => !text.includes(`| \`${one}\``)), []);
});

Deno.test("the runbook of volumes has a section for every reason, and none for anything else", async () => {
  const text = await Deno.readTextFile(join(root, "docs/runbooks/volumes.md"));
  const headings = [...text.matchAll(/^### (.*)$/gm)].map(([, heading = ""]) => heading);
  const told = headings.flatMap((heading) => [...heading.matchAll(/`(\w+)`/g)].map(([, reason = ""]) => reason));
  assert.deepEqual(told.toSorted(), VOLUME_REASONS.toSorted());
});

Deno.test("every link between documents leads somewhere", async () => {
  const broken: string[] = [];
  for await (const file of markdownFiles(root)) {
    const text = await Deno.readTextFile(file);
    for (const [, target] of text.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)) {
      const path = join(dirname(file), target as string);
      await Deno.stat(path).catch(() => broken.push(`${file}: ${target}`));
    }
  }
  assert.deepEqual(broken, []);
});
