/**
 * Agents as they run in pods: each in a process namespace and a mount namespace of its own, under the image's entry point, with
 * just the permissions that the image gives and the capabilities that a pod will be given.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { waitFor } from "../wait.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const dockerfile = await Deno.readTextFile(new URL("../../deploy/Dockerfile.agent", import.meta.url));
const DEADLINE_MS = 30_000;

/** All that each role may do as root: what its pod will be given. */
const CAPABILITIES = {
  source: ["dac_override", "setuid", "setgid", "sys_chroot"],
  target: ["chown", "dac_override", "fowner", "fsetid"],
} as const;

/** Where an agent finds what it needs. */
export interface AgentFolders {
  readonly dataPath: string;
  readonly keysPath: string;
  readonly runPath: string;
}

/** A role of the agent, running. */
export interface Agent extends AsyncDisposable {
  readonly folders: AgentFolders;
  /** What it has written to standard error until now. */
  output(): string;
  /** TERM to process 1, as the kubelet does; waits for the end. */
  stop(): Promise<number>;
  /** Everything in the pod is killed at once. */
  kill(): Promise<void>;
  /** Pids of its processes, as this namespace numbers them: process 1 first. */
  processes(): Promise<number[]>;
}

/** The image's entry point, with other folders. */
export function entryPoint({ dataPath, keysPath, runPath }: AgentFolders): string[] {
  const [, list = ""] = dockerfile.match(/^ENTRYPOINT (\[(?:.|\n)*?\])/m) ?? [];
  const words = JSON.parse(list.replaceAll("\\\n", "")) as string[];
  const moved = [["/app", repository], ["/data", dataPath], ["/keys", keysPath], ["/run/dr-syncer", runPath]] as const;
  return words.map((word) => {
    if (word === "/usr/local/bin/deno") return Deno.execPath();
    if (word === "agent/main.ts") return `${repository}/agent/main.ts`;
    return word.replace(/(?<=[=,:])\/[^,]+/g, (path) => {
      const [from, to] = moved.find(([from]) => path === from || path.startsWith(`${from}/`)) ?? ["", ""];
      return to + path.slice(from.length);
    });
  });
}

/** Starts a role. `args` are those beyond the folders. */
export function startAgent(role: "source" | "target", folders: AgentFolders, args: readonly string[] = []): Agent {
  const own = [`--data=${folders.dataPath}`, `--keys=${folders.keysPath}`, `--run=${folders.runPath}`];
  const child = new Deno.Command("/usr/bin/setpriv", {
    // Whatever becomes of the test, nothing of the pod outlives it.
    args: [
      "--pdeathsig=KILL",
      ...["/usr/bin/unshare", "--pid", "--mount", "--mount-proc", "--fork", "--kill-child=KILL", "--"],
      ...[
        "/usr/bin/setpriv",
        "--no-new-privs",
        "--inh-caps=-all",
        `--bounding-set=-all,+${CAPABILITIES[role].join(",+")}`,
      ],
      ...[...entryPoint(folders), role, ...own, ...args],
    ],
    clearEnv: true,
    env: agentEnvironment(),
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let output = "";
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of child.stderr) output += decoder.decode(chunk, { stream: true });
  })();
  const ended = Promise.all([child.status, reading]).then(([{ code }]) => code);
  let isOver = false;
  ended.then(() => isOver = true);
  const kill = async () => {
    if (!isOver) child.kill("SIGKILL");
    await ended;
  };
  return {
    folders,
    output: () => output,
    processes: () => processesBelow(child.pid),
    kill,
    async stop() {
      // unshare itself hands no signal on.
      const [first] = await processesBelow(child.pid);
      if (first !== undefined) Deno.kill(first, "SIGTERM");
      return await ended;
    },
    [Symbol.asyncDispose]: kill,
  };
}

function agentEnvironment(): Record<string, string> {
  const handedOn = ["HOME", "DENO_DIR"].map((name) => [name, Deno.env.get(name)] as const);
  return {
    PATH: "/usr/bin:/bin",
    DENO_NO_UPDATE_CHECK: "1",
    NO_COLOR: "1",
    ...Object.fromEntries(handedOn.filter((entry): entry is [string, string] => entry[1] !== undefined)),
  };
}

/** All descendants of a process, parents first. */
async function processesBelow(pid: number): Promise<number[]> {
  const found: number[] = [];
  try {
    const children = (await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`)).trim();
    for (const child of children === "" ? [] : children.split(" ").map(Number)) {
      found.push(child, ...await processesBelow(child));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found;
}

/** A port of the loopback interface that nobody listens on. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Starts a source agent and waits until its sshd greets. */
export async function startSource(
  folders: AgentFolders,
  port = freePort(),
): Promise<Agent & { readonly port: number }> {
  const agent = startAgent("source", folders, ["--host=127.0.0.1", `--port=${port}`]);
  try {
    await waitFor("sshd's greeting", () => greets(port), { deadlineMs: DEADLINE_MS, describe: () => agent.output() });
  } catch (error) {
    await agent.kill();
    throw error;
  }
  return Object.assign(agent, { port });
}

async function greets(port: number): Promise<boolean> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const bytes = new Uint8Array(32);
  const size = await connection.read(bytes) ?? 0;
  return new TextDecoder().decode(bytes.subarray(0, size)).startsWith("SSH-2.0-");
}

/** Starts a target agent and waits until it listens. */
export async function startTarget(folders: AgentFolders): Promise<Agent> {
  const agent = startAgent("target", folders);
  try {
    await waitFor("the agent's socket", () => agent.output().includes('"listening"'), {
      deadlineMs: DEADLINE_MS,
      describe: () => agent.output(),
    });
  } catch (error) {
    await agent.kill();
    throw error;
  }
  return agent;
}
