import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { findAgentCode, findCycles, findEdges, findProcessWide, findWrongEdges, type Sources } from "./structure.ts";

const root = join(import.meta.dirname ?? ".", "..");

async function readSources(folder = root): Promise<Map<string, string>> {
  const sources = new Map<string, string>();
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory && !/^(\..*|node_modules|coverage)$/.test(entry.name)) {
      for (const [name, text] of await readSources(path)) sources.set(name, text);
    }
    if (entry.isFile && /\.tsx?$/.test(entry.name)) sources.set(relative(root, path), await Deno.readTextFile(path));
  }
  return sources;
}

function sourcesOf(files: Record<string, string>): Sources {
  return new Map(Object.entries(files));
}

Deno.test("imports go one way", async () => {
  assert.deepEqual(findWrongEdges(findEdges(await readSources())), []);
});

Deno.test("the reconciler uses the agent's types, and none of its code", async () => {
  assert.deepEqual(findAgentCode(await readSources()), []);
  const code = sourcesOf({
    "reconciler/a.ts": 'import type { A } from "../agent/a.ts";\nimport {\n  b,\n} from "../agent/b.ts";',
    "tests/a_test.ts": 'import { b } from "../agent/b.ts";',
  });
  assert.deepEqual(findAgentCode(code), ['reconciler/a.ts: import { b, } from "../agent/b.ts";']);
});

Deno.test("no file imports itself through others", async () => {
  assert.deepEqual(findCycles(findEdges(await readSources())), []);
});

Deno.test("every local import names a file that exists", async () => {
  const sources = await readSources();
  const edges = findEdges(sources);
  assert.ok(edges.length > sources.size, "hardly any import was found");
  assert.deepEqual(edges.filter(({ to }) => !sources.has(to)), []);
});

Deno.test("only programs' entries read the environment, exit and handle signals", async () => {
  assert.deepEqual(findProcessWide(await readSources()), []);
});

const wrong: [string, Record<string, string>][] = [
  ["kube imports crds", { "kube/a.ts": 'import { a } from "../crds/a.ts";' }],
  ["webhook imports reconciler", { "webhook/a.ts": 'import type { A } from "../reconciler/a.ts";' }],
  ["reconciler imports webhook", { "reconciler/desired/a.ts": 'export * from "../../webhook/a.ts";' }],
  ["cli imports reconciler, over several lines", { "cli/a.ts": 'import {\n  a,\n  b,\n} from "../reconciler/a.ts";' }],
  ["a dynamic import", { "crds/a.ts": 'const a = await import("../webhook/a.ts");' }],
  ["a worker", { "reconciler/a.ts": 'new Worker(new URL("../webhook/worker.ts", import.meta.url));' }],
  ["a test imports main.ts", { "tests/e2e/a_test.ts": 'import { main } from "../../main.ts";' }],
  ["agent imports reconciler", { "agent/a.ts": 'import "../reconciler/a.ts";' }],
  ["a test imports the agent's program", { "tests/agent/a_test.ts": 'import "../../agent/main.ts";' }],
  ["code imports a test", { "kube/a.ts": 'import "../tests/wait.ts";' }],
  ["code imports a test beside it", { "kube/a.ts": 'import "./a_test.ts";' }],
  ["a folder nobody knows", { "utils/a.ts": 'import "./b.ts";' }],
];

for (const [name, files] of wrong) {
  Deno.test(`a wrong edge is found: ${name}`, () => {
    assert.equal(findWrongEdges(findEdges(sourcesOf(files))).length, 1);
  });
}

Deno.test("right edges are left alone", () => {
  const files = {
    "main.ts": 'import { a } from "./webhook/a.ts";\nimport { b } from "./reconciler/b.ts";',
    "reconciler/a.ts": 'import { k } from "../kube/k.ts";\nimport { z } from "zod";\n// import "../webhook/a.ts";',
    "kube/a_test.ts": 'import { waitFor } from "../tests/wait.ts";',
    "tests/e2e/a_test.ts": 'import { a } from "../../webhook/a.ts";\nnew URL("../../main.ts", import.meta.url);',
  };
  assert.equal(findEdges(sourcesOf(files)).length, 5);
  assert.deepEqual(findWrongEdges(findEdges(sourcesOf(files))), []);
});

Deno.test("a cycle is found, type-only imports included, and named from start to end", () => {
  const files = {
    "kube/a.ts": 'import { b } from "./b.ts";',
    "kube/b.ts": 'import type { C } from "./c.ts";',
    "kube/c.ts": 'import { a } from "./a.ts";\nimport { d } from "./d.ts";',
    "kube/d.ts": "",
  };
  assert.deepEqual(findCycles(findEdges(sourcesOf(files))), ["kube/a.ts → kube/b.ts → kube/c.ts → kube/a.ts"]);
});

Deno.test("two ways to one file are no cycle", () => {
  const files = { "kube/a.ts": 'import "./b.ts"; import "./c.ts";', "kube/b.ts": 'import "./c.ts";', "kube/c.ts": "" };
  assert.deepEqual(findCycles(findEdges(sourcesOf(files))), []);
});

Deno.test("code that reads the environment or exits is found, comments and tests are not", () => {
  const files = {
    "kube/a.ts": 'const home = Deno.env.get("HOME");',
    "cli/a.ts": "Deno.exit(1);",
    "webhook/a.ts": 'Deno.addSignalListener("SIGTERM", stop);',
    "crds/a.ts": "// Deno.env is read in main.ts\n/* process.exit */",
    "tests/a.ts": "Deno.exit(1);",
    "main.ts": "Deno.exit(1);",
  };
  assert.equal(findProcessWide(sourcesOf(files)).length, 3);
});
