import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readContext } from "./image_context.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

async function withFiles(paths: readonly string[], action: (root: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    for (const path of paths) {
      await Deno.mkdir(dirname(join(directory, path)), { recursive: true });
      await Deno.writeTextFile(join(directory, path), "");
    }
    await action(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("what is let in by name goes into an image, but for what is left out everywhere", async () => {
  const paths = ["main.ts", "cli/plan.ts", "cli/plan_test.ts", "kube/testdata/a.json", "kube/b/c.ts", "tests/run.ts"];
  await withFiles(paths, async (directory) => {
    const found = await readContext(directory, "**\n!kube\n!main.ts\n!cli\n**/*_test.ts\n**/testdata\n");
    assert.deepEqual(found, ["cli/plan.ts", "kube/b/c.ts", "main.ts"]);
  });
});

Deno.test("a line of another form is refused rather than misread", async () => {
  await assert.rejects(readContext(root, "node_modules\n"), /Cannot read "node_modules" of a dockerignore file/);
  await assert.rejects(readContext(root, "**\n!cli\ncli/*.md\n"), /Cannot read "cli\/\*\.md" of a dockerignore file/);
});

Deno.test("the controller's image has the program and none of its tests", async () => {
  const found = await readContext(root, await Deno.readTextFile(join(root, "deploy/Dockerfile.dockerignore")));
  for (const path of ["main.ts", "deno.lock", "webhook/worker.ts"]) assert.ok(found.includes(path), path);
  assert.deepEqual(found.filter((path) => path.startsWith("tests/") || path.endsWith("_test.ts")), []);
});
