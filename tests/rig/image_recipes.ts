/**
 * How the images of nodes are built: with buildah, without a daemon and without a registry.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readContext } from "./image_context.ts";
import { pauseImage } from "./node_config.ts";

/** What it takes to build an image. */
export interface Recipe {
  readonly name: string;
  readonly tag: string;
  /** All that the image depends on. */
  readonly content: readonly string[];
  /** Writes the archive, with a folder to work in. */
  build(work: string, archive: string): Promise<void>;
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const scripts = fileURLToPath(new URL("images", import.meta.url));
/** The base that the project's Dockerfiles name. */
const debianTag = "docker.io/library/debian:bookworm-slim";
/** As `deploy/kustomization.yaml` names it. */
const controllerTag = "docker.io/library/dr-syncer:0.1.0";
/** What agents run when nothing else is said (`spec.pvcSync.image` of a RemoteCluster). */
const agentTag = "docker.io/library/dr-syncer-agent:0.1.0";

/** The program that holds the namespaces of a Pod, and nothing else. */
export async function pauseRecipe(pausePath: string): Promise<Recipe> {
  const dockerfile = 'FROM scratch\nCOPY pause /pause\nUSER 65535:65535\nENTRYPOINT ["/pause"]\n';
  return {
    name: "pause",
    tag: pauseImage,
    // The folder's name says which program it is.
    content: [dockerfile, basename(dirname(pausePath)), await readScript("build.sh")],
    async build(work, archive) {
      await writeDockerfile(work, "context", dockerfile);
      await Deno.copyFile(pausePath, join(work, "context/pause"));
      await runScript("build.sh", [work, pauseImage, archive]);
    },
  };
}

/** A small Debian 12, from where this machine has its own. */
export async function debianRecipe(): Promise<Recipe> {
  const dockerfile = 'FROM scratch\nADD root.tar /\nCMD ["bash"]\n';
  const sources = await readSources();
  return {
    name: "debian",
    tag: debianTag,
    content: [dockerfile, ...sources, await readScript("debootstrap.sh"), await readScript("build.sh")],
    async build(work, archive) {
      await writeDockerfile(work, "context", dockerfile);
      await runScript("debootstrap.sh", [work, join(work, "context/root.tar"), ...sources]);
      await runScript("build.sh", [work, debianTag, archive]);
    },
  };
}

/** What `deploy/Dockerfile` builds, on that Debian, with the Deno that runs now. */
export function controllerRecipe(debianPath: string): Promise<Recipe> {
  const entries = ["main.ts", "webhook/worker.ts"];
  return projectRecipe(
    { name: "controller", tag: controllerTag, dockerfile: "deploy/Dockerfile", entries },
    debianPath,
  );
}

/** What `deploy/Dockerfile.agent` builds, likewise; its packages come from where that Debian has its own. */
export function agentRecipe(debianPath: string): Promise<Recipe> {
  const entries = ["agent/main.ts", "agent/source.ts", "agent/target.ts", "agent/attach.ts", "agent/control.ts"];
  return projectRecipe({ name: "agent", tag: agentTag, dockerfile: "deploy/Dockerfile.agent", entries }, debianPath);
}

/** An image of this project. */
interface Project extends Pick<Recipe, "name" | "tag"> {
  /** Path of its Dockerfile, beside which its dockerignore lies. */
  readonly dockerfile: string;
  /** Modules whose packages it has to hold. */
  readonly entries: readonly string[];
}

async function projectRecipe({ name, tag, dockerfile: path, entries }: Project, debianPath: string): Promise<Recipe> {
  const dockerfile = await Deno.readTextFile(join(root, path));
  const paths = await readContext(root, await Deno.readTextFile(join(root, `${path}.dockerignore`)));
  const denoDockerfile = "FROM scratch\nCOPY deno /usr/local/bin/deno\nCOPY deno-dir /deno-dir\n";
  const texts = await Promise.all(paths.map((path) => Deno.readTextFile(join(root, path))));
  return {
    name,
    tag,
    content: [
      dockerfile,
      denoDockerfile,
      Deno.version.deno,
      basename(debianPath),
      await readScript("build.sh"),
      ...paths,
      ...texts,
    ],
    async build(work, archive) {
      await writeDockerfile(work, "context", dockerfile);
      for (const path of paths) {
        await Deno.mkdir(dirname(join(work, "context", path)), { recursive: true });
        await Deno.copyFile(join(root, path), join(work, "context", path));
      }
      await writeDockerfile(work, "deno", denoDockerfile);
      await Deno.copyFile(Deno.execPath(), join(work, "deno/deno"));
      await fetchPackages(join(work, "context"), entries, join(work, "deno/deno-dir"));
      await runScript("build.sh", [work, tag, archive, debianPath]);
    },
  };
}

/** Fetches what `deno.lock` pins with this machine's own settings: proxies and authorities that an image knows nothing of. */
async function fetchPackages(context: string, entries: readonly string[], denoDir: string): Promise<void> {
  await run(Deno.execPath(), ["cache", "--frozen", ...entries], { cwd: context, env: { DENO_DIR: denoDir } });
  for await (const entry of Deno.readDir(denoDir)) {
    if (entry.name !== "npm") await Deno.remove(join(denoDir, entry.name), { recursive: true });
  }
}

/** Suites and addresses that this machine's own Debian comes from, in pairs; none when it is no Debian 12. */
async function readSources(): Promise<readonly string[]> {
  const args = ["indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages"];
  const lines = [...new Set((await run("apt-get", args)).trim().split("\n"))];
  const suites = ["bookworm", "bookworm-updates", "bookworm-security"];
  const pairs = suites.flatMap((suite) => lines.filter((line) => line.startsWith(`${suite} `)).slice(0, 1));
  return pairs[0]?.startsWith("bookworm ") ? pairs.flatMap((pair) => pair.split(" ")) : [];
}

async function writeDockerfile(work: string, folder: string, text: string): Promise<void> {
  await Deno.mkdir(join(work, folder));
  await Deno.writeTextFile(join(work, folder, "Dockerfile"), text);
}

function readScript(name: string): Promise<string> {
  return Deno.readTextFile(join(scripts, name));
}

/** Runs a script in a mount namespace of its own: a build that is killed leaves no mount. */
async function runScript(name: string, args: readonly string[]): Promise<void> {
  await run("unshare", ["--mount", "--propagation=private", "sh", join(scripts, name), ...args]);
}

/** Runs a program. @throws {Error} with the last lines of its output when it fails */
async function run(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Record<string, string> } = {},
): Promise<string> {
  const command = new Deno.Command(program, {
    ...options,
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const { success, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  const output = `${decoder.decode(stdout)}${decoder.decode(stderr)}`.trim().split("\n").slice(-15).join("\n");
  throw new Error(`Cannot run ${program} ${args.join(" ")}; the end of its output:\n${output}`);
}
