import assert from "node:assert/strict";
import { controllerEnvironment, controllerPermissions } from "./permissions.ts";

const dockerfile = await Deno.readTextFile(new URL("../deploy/Dockerfile", import.meta.url));
const [entryPoint = ""] = dockerfile.match(/^ENTRYPOINT \[(.|\n)*?\]/m) ?? [];

/** What the image has of its own: it holds all modules, and may read them and its token alone. */
const OF_THE_IMAGE = ["--cached-only", "--frozen", "--allow-read=/app,/var/run/secrets/kubernetes.io/serviceaccount"];

Deno.test("the image starts the controller as `deno task controller` does, and may read less", () => {
  const flags = [...entryPoint.matchAll(/"(--[^"]+)"/g)].map(([, flag]) => flag as string);
  assert.deepEqual(
    flags.filter((flag) => !OF_THE_IMAGE.includes(flag)).sort(),
    controllerPermissions.filter((flag) => flag !== "--allow-read").sort(),
  );
  for (const flag of OF_THE_IMAGE) assert.ok(flags.includes(flag), flag);
});

Deno.test("the image tells the allocator what `deno task controller` does", () => {
  const lines = dockerfile.split("\n").filter((line) => line.startsWith("ENV "));
  const set = Object.fromEntries(lines.flatMap((line) => line.slice(4).split(" ").map((word) => word.split("="))));
  assert.notDeepEqual(controllerEnvironment, {});
  for (const [name, value] of Object.entries(controllerEnvironment)) assert.equal(set[name], value, name);
});
