import assert from "node:assert/strict";
import { join } from "node:path";
import { findEdges } from "./structure.ts";

const root = join(import.meta.dirname ?? ".", "..");
const dockerfile = await Deno.readTextFile(join(root, "deploy/Dockerfile.agent"));
const ignored = await Deno.readTextFile(join(root, "deploy/Dockerfile.agent.dockerignore"));

async function agentSources(): Promise<Map<string, string>> {
  const sources = new Map<string, string>();
  for (const folder of ["agent", "agent/settings"]) {
    for await (const { name, isFile } of Deno.readDir(join(root, folder))) {
      if (!isFile || !name.endsWith(".ts") || name.endsWith("_test.ts")) continue;
      sources.set(`${folder}/${name}`, await Deno.readTextFile(join(root, folder, name)));
    }
  }
  return sources;
}

Deno.test("the agent's image holds every folder that the agent imports", async () => {
  const imported = new Set(findEdges(await agentSources()).map(({ to }) => to.split("/", 1)[0] ?? ""));
  assert.ok(imported.has("agent") && imported.has("kube"));
  for (const folder of imported) {
    assert.match(dockerfile, new RegExp(`^COPY ${folder} \\./${folder}$`, "m"));
    assert.ok(ignored.split("\n").includes(`!${folder}`), `${folder} is ignored`);
  }
});

Deno.test("the agent's image warms its cache with every module that is loaded on demand", async () => {
  const main = await Deno.readTextFile(join(root, "agent/main.ts"));
  const [, cached = ""] = dockerfile.match(/^RUN deno cache --frozen (.*)$/m) ?? [];
  for (const [, name] of main.matchAll(/import\("\.\/([^"]+)"\)/g)) assert.ok(cached.includes(`agent/${name}`), name);
});

Deno.test("the agent may do what is named, and not everything of any kind", () => {
  const [, list = ""] = dockerfile.match(/^ENTRYPOINT (\[(?:.|\n)*?\])/m) ?? [];
  const flags = (JSON.parse(list.replaceAll("\\\n", "")) as string[]).filter((word) => word.startsWith("--allow"));
  assert.ok(flags.length > 4);
  assert.deepEqual(flags.filter((flag) => !/^--allow-[a-z]+=./.test(flag)), []);
});

Deno.test("the agent's image is not built with an rsync that has holes", () => {
  assert.match(dockerfile, /^ARG RSYNC_AT_LEAST=3\.5\.0$/m);
  assert.match(dockerfile, /dpkg --compare-versions "\$installed" ge "\$RSYNC_AT_LEAST"/);
});
