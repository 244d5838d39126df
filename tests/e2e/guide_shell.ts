/**
 * A user's terminal for the examples of the guide: bash in a checkout, with kubectl and deno, and a kubeconfig with contexts
 * `source` (the current one) and `dr`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse, stringify } from "yaml";
import { ensureBinaries } from "../rig/binaries.ts";
import type { Cluster } from "../rig/cluster.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const DEADLINE_MS = 120_000;

/** A fenced block of a page. */
export interface Block {
  /** Path of the page from the root, and the line of the fence. */
  readonly place: string;
  readonly page: string;
  /** What stands behind the fence. */
  readonly info: string;
  readonly text: string;
}

/** The blocks of every page that shows users what to type. */
export async function readBlocks(): Promise<Block[]> {
  const pages = ["README.md", "deploy/README.md"];
  for await (const { name } of Deno.readDir(join(root, "docs/guide"))) pages.push(`docs/guide/${name}`);
  return (await Promise.all(pages.sort().map(blocksOf))).flat();
}

/** The blocks of one page. */
export async function blocksOf(page: string): Promise<Block[]> {
  const text = await Deno.readTextFile(join(root, page));
  return [...text.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map(({ 1: info = "", 2: body = "", index }) => {
    const line = text.slice(0, index).split("\n").length;
    return { place: `${page}:${line}`, page, info, text: body };
  });
}

/** What a command said. */
export interface Said {
  readonly code: number;
  readonly stdout: string;
}

/** Runs what users would type. */
export interface Shell {
  /** Runs a block as it stands; each command has to succeed, unless another exit code is named. */
  run(text: string, codes?: readonly number[]): Promise<Said>;
}

/** A shell for two clusters; its kubeconfig is in the folder of the first. */
export async function openShell(source: Cluster, dr: Cluster): Promise<Shell> {
  const { kubectl } = await ensureBinaries(undefined, ["kubectl"]);
  const kubeconfigPath = join(source.directory, "guide.kubeconfig");
  await Deno.writeTextFile(kubeconfigPath, mergeKubeconfigs([source, dr]), { mode: 0o600 });
  const folders = [dirname(kubectl), dirname(Deno.execPath()), "/usr/local/bin", "/usr/bin", "/bin"];
  const home = Deno.env.get("HOME") ?? "/root";
  const checkout = await makeCheckout(source.directory);
  return {
    async run(text, codes = [0]) {
      const child = new Deno.Command("bash", {
        args: ["-euo", "pipefail", "-c", text],
        cwd: checkout,
        clearEnv: true,
        env: { PATH: folders.join(":"), KUBECONFIG: kubeconfigPath, HOME: home, NO_COLOR: "1" },
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
        signal: AbortSignal.timeout(DEADLINE_MS),
      }).spawn();
      const { code, stdout, stderr } = await child.output();
      const decoder = new TextDecoder();
      assert.ok(codes.includes(code), `exit code ${code} of\n${text}\n${decoder.decode(stderr)}`);
      return { code, stdout: decoder.decode(stdout) };
    },
  };
}

/** A folder that looks like the repository, for what examples write beside it. */
async function makeCheckout(folder: string): Promise<string> {
  const checkout = join(folder, "checkout");
  await Deno.mkdir(checkout);
  for await (const { name } of Deno.readDir(root)) {
    if (!name.startsWith(".")) await Deno.symlink(join(root, name), join(checkout, name));
  }
  return checkout;
}

function mergeKubeconfigs(clusters: readonly Cluster[]): string {
  const parts = clusters.map(({ kubeconfig }) => parse(kubeconfig));
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: parts.flatMap((part) => part.clusters),
    users: parts.flatMap((part) => part.users),
    contexts: parts.flatMap((part) => part.contexts),
    "current-context": clusters[0]?.name,
  }, { lineWidth: 0 });
}
