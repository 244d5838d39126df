import assert from "node:assert/strict";
import { parse } from "yaml";
import { findStale, generatedFiles, writeGenerated } from "./generate.ts";
import { crdManifests } from "./manifests.ts";

Deno.test("what is checked in is what the schemas make", async () => {
  assert.deepEqual(await findStale(new URL("../", import.meta.url)), []);
});

Deno.test("only files that are missing or differ are written", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const root = new URL(`file://${directory}/`);
    const all = [...generatedFiles().keys()];
    assert.deepEqual(await findStale(root), all);
    assert.deepEqual(await writeGenerated(root), all);
    assert.deepEqual(await writeGenerated(root), []);
    await Deno.writeTextFile(new URL("docs/reference/api.md", root), "edited");
    assert.deepEqual(await findStale(root), ["docs/reference/api.md"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("the YAML says what the manifests say, also to a YAML 1.1 parser", () => {
  for (const crd of crdManifests()) {
    const text = generatedFiles().get(`deploy/crds/${crd.metadata.name}.yaml`)!;
    assert.deepEqual(parse(text), crd);
    assert.deepEqual(parse(text, { version: "1.1" }), crd);
  }
});
