/**
 * The demo as a process of its own, in a run folder of its own: what it leaves can be looked for.
 *
 * @module
 */
import { join } from "node:path";
import { TextLineStream } from "../line_stream.ts";
import { findRigPaths } from "../rig/paths.ts";
import { waitFor } from "../wait.ts";

const task = new URL("../demo/task.ts", import.meta.url).pathname;
const deadlineMs = 180_000;
/** Where the rig keeps which cluster has which node. */
const nodeNumbers = "/run/dr-syncer-rig";

/** See the module. */
export class Demo implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #cacheHome: string;
  readonly #reading: Promise<unknown>;
  readonly lines: string[] = [];
  json = "";

  private constructor(cacheHome: string, args: string[], env: Record<string, string>) {
    this.#cacheHome = cacheHome;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", task, ...args],
      env,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const read = async (stream: ReadableStream<Uint8Array>, line: (text: string) => void) => {
      for await (const text of stream.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())) {
        line(text);
      }
    };
    this.#reading = Promise.all([
      read(this.#child.stderr, (text) => this.lines.push(text)),
      read(this.#child.stdout, (text) => this.json += `${text}\n`),
    ]);
  }

  static async start(...args: string[]): Promise<Demo> {
    const cacheHome = await Deno.makeTempDir({ prefix: "demo-" });
    await Deno.mkdir(`${cacheHome}/dr-syncer`);
    // The binaries are those of everybody, what runs is this demo's own: it can be looked for afterwards.
    await Deno.symlink(findRigPaths().cacheDir, `${cacheHome}/dr-syncer/rig`);
    const denoDir = Deno.env.get("DENO_DIR") ?? join(findRigPaths().cacheDir, "../../deno");
    return new Demo(cacheHome, args, { XDG_CACHE_HOME: cacheHome, DENO_DIR: denoDir });
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits for a line it tells; answers with what the pattern matched. */
  async untilTold(pattern: RegExp): Promise<RegExpMatchArray> {
    return await waitFor(`${pattern} in what the demo tells`, () => {
      return this.lines.map((line) => line.match(pattern)).find((match) => match !== null) ?? undefined;
    }, { deadlineMs, describe: () => this.lines.join("\n") });
  }

  /** Waits for its end; answers with the exit code. */
  async end(): Promise<number> {
    const { code } = await this.#child.status;
    await this.#reading;
    return code;
  }

  /** Waits until no process of it runs, and its clusters' folders and nodes are gone. */
  async untilNothingIsLeft(): Promise<void> {
    await waitFor("no process, no folder and no node of the demo", async () => {
      const folders = await Array.fromAsync(Deno.readDir(`${this.#cacheHome}/dr-syncer/run`)).catch(() => []);
      if (folders.some(({ isDirectory }) => isDirectory)) return false;
      return !await hasNodes(this.#cacheHome) && !await mentions(this.#cacheHome);
    }, { deadlineMs: 40_000, describe: () => this.lines.join("\n") });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.end();
    await this.untilNothingIsLeft();
    await Deno.remove(this.#cacheHome, { recursive: true });
  }
}

/** Whether the command line of any process mentions a folder. */
async function mentions(folder: string): Promise<boolean> {
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const commandLine = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    if (commandLine.includes(folder)) return true;
  }
  return false;
}

/** Whether a node belongs to a cluster whose folder is below this one. */
async function hasNodes(folder: string): Promise<boolean> {
  const links = await Array.fromAsync(Deno.readDir(nodeNumbers)).catch(() => []);
  const owners = await Promise.all(links.map(({ name }) => Deno.readLink(`${nodeNumbers}/${name}`).catch(() => "")));
  return owners.some((owner) => owner.startsWith(folder));
}
