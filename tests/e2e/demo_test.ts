import assert from "node:assert/strict";
import { join } from "node:path";
import { TextLineStream } from "../line_stream.ts";
import { findRigPaths } from "../rig/paths.ts";
import { freeze } from "../freeze.ts";
import { waitFor } from "../wait.ts";
import type { Summary } from "../demo/summary.ts";

const task = new URL("../demo/task.ts", import.meta.url).pathname;
const deadlineMs = 120_000;

/** What the demo must show. */
const kinds = [
  ...["Namespace", "CRD", "Coupon", "Deployment", "StatefulSet", "CronJob", "Service", "Ingress", "NetworkPolicy"],
  ...[
    "ConfigMap",
    "Secret",
    "PersistentVolumeClaim",
    "HorizontalPodAutoscaler",
    "ServiceAccount",
    "Role",
    "RoleBinding",
  ],
];

/** A demo in a run folder of its own. */
class Demo implements AsyncDisposable {
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

  /** Waits until no process of it runs, and its clusters' folders are gone. */
  async untilNothingIsLeft(): Promise<void> {
    await waitFor("no process and no folder of the demo", async () => {
      const folders = await Array.fromAsync(Deno.readDir(`${this.#cacheHome}/dr-syncer/run`)).catch(() => []);
      return folders.filter(({ isDirectory }) => isDirectory).length === 0 && !await mentions(this.#cacheHome);
    }, { deadlineMs: 20_000, describe: () => this.lines.join("\n") });
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

Deno.test("the demo shows every kind arriving, and leaves nothing behind", async () => {
  await using demo = await Demo.start("--once", "--json");
  const code = await demo.end();
  assert.equal(code, 0, demo.lines.join("\n"));
  const summary: Summary = JSON.parse(demo.json);
  assert.deepEqual(summary.changes.missing, []);
  assert.deepEqual(summary.namespace?.missing, []);
  const arrived = new Set(summary.arrivals.filter(({ lagMs }) => lagMs !== null).map(({ kind }) => kind));
  for (const kind of kinds) assert.ok(arrived.has(kind), `${kind} is not in the summary`);
  assert.ok(summary.lagMs !== null && summary.lagMs.p50 <= summary.lagMs.p99 && summary.lagMs.p99 <= summary.lagMs.max);
  assert.ok(summary.namespace?.notMirrored.some(({ kind, reason }) => kind === "Pod" && reason.includes("in DR")));
  await demo.untilNothingIsLeft();
});

Deno.test("the demo fails, and names what is missing, when the DR cluster stops to answer", async () => {
  await using demo = await Demo.start("--once", "--json", "--wait=5");
  const [, pid] = await demo.untilTold(/^ {2}dr .*API server pid (\d+)$/);
  await demo.untilTold(/Namespace shop .* ms/);
  await freeze(Number(pid));
  assert.equal(await demo.end(), 1);
  const summary: Summary = JSON.parse(demo.json);
  assert.equal(summary.passed, false);
  assert.ok(summary.changes.missing.includes("Deployment web: created"), demo.json);
  assert.ok(demo.lines.includes("NOT ARRIVED: Deployment web: created"), demo.lines.join("\n"));
  await demo.untilNothingIsLeft();
});

Deno.test("SIGTERM ends the demo, and removes everything", async () => {
  await using demo = await Demo.start("--once", "--json");
  await demo.untilTold(/Replication of namespace/);
  demo.kill("SIGTERM");
  assert.equal(await demo.end(), 143);
  await demo.untilNothingIsLeft();
});

Deno.test("a demo that is killed leaves nothing behind", async () => {
  await using demo = await Demo.start("--once", "--json");
  await demo.untilTold(/Replication of namespace/);
  demo.kill("SIGKILL");
  await demo.end();
  await demo.untilNothingIsLeft();
});

Deno.test("the watchdog ends a process when the one that started the watchdog is killed", async () => {
  const watched = new Deno.Command("sleep", { args: ["600"] }).spawn();
  const url = new URL("../demo/watchdog.ts", import.meta.url).href;
  const code = `import { startWatchdog } from "${url}";
    startWatchdog(${watched.pid});
    Deno.stderr.writeSync(new Uint8Array(1));
    await new Promise(() => setInterval(() => {}, 1e6));`;
  const starter = new Deno.Command(Deno.execPath(), { args: ["eval", code], stderr: "piped" }).spawn();
  const reader = starter.stderr.getReader();
  await reader.read();
  starter.kill("SIGKILL");
  const late = setTimeout(() => watched.kill("SIGTERM"), 10_000);
  assert.equal((await watched.status).signal, "SIGKILL");
  clearTimeout(late);
  await starter.status;
  await reader.cancel();
});

Deno.test("a wrong command line is refused with what to do", async () => {
  await using demo = await Demo.start("--json");
  assert.equal(await demo.end(), 2);
  assert.equal(demo.lines[0], "error: Cannot write JSON without an end: add --once to --json");
});
