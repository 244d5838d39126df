/**
 * Task `deno task generate`: writes what is made from `crds/schema/`. With `--check` it writes nothing and fails when a
 * checked-in file differs.
 *
 * @module
 */
import { stringify } from "yaml";
import { crdManifests } from "./manifests.ts";
import { fieldReference } from "./reference.ts";

const NOTE = "# Generated from crds/schema by `deno task generate`. Do not edit.\n";

/** Every generated file: path below the root of the repository → text. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const crds = crdManifests().map((crd) => ({ file: `${crd.metadata.name}.yaml`, crd }));
  const kustomization = {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    resources: crds.map(({ file }) => file),
  };
  return new Map([
    ...crds.map(({ file, crd }) => [`deploy/crds/${file}`, toYaml(crd)] as const),
    ["deploy/crds/kustomization.yaml", toYaml(kustomization)],
    ["docs/reference/api.md", fieldReference()],
  ]);
}

/** Paths of generated files that are missing or differ, below a root directory. */
export async function findStale(root: URL): Promise<string[]> {
  const stale: string[] = [];
  for (const [path, text] of generatedFiles()) {
    const current = await Deno.readTextFile(new URL(path, root)).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    });
    if (current !== text) stale.push(path);
  }
  return stale;
}

/** Writes the generated files that are missing or differ; answers their paths. */
export async function writeGenerated(root: URL): Promise<string[]> {
  const files = generatedFiles();
  const stale = await findStale(root);
  for (const path of stale) {
    const url = new URL(path, root);
    await Deno.mkdir(new URL(".", url), { recursive: true });
    await Deno.writeTextFile(url, files.get(path)!);
  }
  return stale;
}

function toYaml(value: unknown): string {
  return NOTE + stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}

async function main(args: readonly string[]): Promise<void> {
  const root = new URL("../", import.meta.url);
  const isCheck = args.includes("--check");
  const stale = await (isCheck ? findStale(root) : writeGenerated(root));
  const verb = isCheck ? "out of date, run `deno task generate`" : "written";
  const text = stale.map((path) => `${path}: ${verb}\n`).join("");
  await Deno.stderr.write(new TextEncoder().encode(text));
  if (isCheck && stale.length > 0) Deno.exitCode = 1;
}

if (import.meta.main) await main(Deno.args);
