import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { findSuites, selectSuites } from "./suites.ts";

const files = [
  "kube/watch_test.ts",
  "kube/watch.ts",
  "tests/wait_test.ts",
  "tests/e2e/mirror_test.ts",
  "tests/agent/a_test.ts",
  "tests/e2e/a_nodes_test.ts",
];

async function withFiles(action: (root: string) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    for (const file of files) {
      await Deno.mkdir(dirname(join(root, file)), { recursive: true });
      await Deno.writeTextFile(join(root, file), "");
    }
    await action(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("tests beside the code are one suite a folder, those that start clusters one a file and later, those with nodes last", async () => {
  await withFiles(async (root) => {
    assert.deepEqual(await findSuites(root), [
      { name: "kube", files: ["kube/watch_test.ts"], needsClusters: false, needsVolumes: false, needsNodes: false },
      { name: "tests", files: ["tests/wait_test.ts"], needsClusters: false, needsVolumes: false, needsNodes: false },
      {
        name: "tests/agent/a_test.ts",
        files: ["tests/agent/a_test.ts"],
        needsClusters: false,
        needsVolumes: true,
        needsNodes: false,
      },
      {
        name: "tests/e2e/mirror_test.ts",
        files: ["tests/e2e/mirror_test.ts"],
        needsClusters: true,
        needsVolumes: false,
        needsNodes: false,
      },
      {
        name: "tests/e2e/a_nodes_test.ts",
        files: ["tests/e2e/a_nodes_test.ts"],
        needsClusters: true,
        needsVolumes: false,
        needsNodes: true,
      },
    ]);
  });
});

Deno.test("a filter selects a folder, a file, or a part of a path", async () => {
  await withFiles(async (root) => {
    const suites = await findSuites(root);
    const names = (filter: string) => selectSuites(suites, [filter]).map((suite) => suite.name);
    assert.deepEqual(names("kube"), ["kube"]);
    assert.deepEqual(names("tests"), [
      "tests",
      "tests/agent/a_test.ts",
      "tests/e2e/mirror_test.ts",
      "tests/e2e/a_nodes_test.ts",
    ]);
    assert.deepEqual(names("wait_test"), ["tests"]);
    assert.deepEqual(names("e2e"), ["tests/e2e/mirror_test.ts", "tests/e2e/a_nodes_test.ts"]);
    assert.deepEqual(names("nothing"), []);
  });
});
