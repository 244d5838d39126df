/**
 * dr-syncer's agent, a program of its own: it holds nothing of the controller. With tests, the only file of the agent
 * that reads the environment, exits and handles signals.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { systemClock } from "../kube/clock.ts";
import { createLineLog } from "./line_log.ts";

const help = `Moves the data of one volume.

Usage: agent source --data DIR --keys DIR --run DIR [--host ADDRESS] [--port PORT]
       agent target --data DIR --keys DIR --run DIR
       agent attach --run DIR
       agent control --data DIR REQUEST

source   serves the volume at --data, read-only, to the keys in --keys
target   pulls into the volume at --data, as it is told on its socket in --run
attach   connects standard input and output with that socket
control  answers a request of a target about the source's volume; sshd starts it
`;

/** What the control program may do, besides reading the volume. */
const CONTROL_PROGRAMS = "/usr/bin/cat,/usr/bin/find,/usr/bin/stat";

const log = createLineLog((line) => Deno.stderr.writeSync(new TextEncoder().encode(line)), systemClock);

/** Wrong use of the program. */
class UsageError extends Error {}

if (import.meta.main) {
  try {
    // Listening for signals would keep a role that is over from ending.
    Deno.exit(await run(Deno.args));
  } catch (error) {
    if (error instanceof UsageError) log.error(`${error.message}; agent --help shows what there is`);
    else log.error("ended", { error: error instanceof Error ? error.message : String(error) });
    Deno.exit(error instanceof UsageError ? 2 : 1);
  }
}

/** Runs a role to its end; answers with the exit code. */
async function run(args: readonly string[]): Promise<number> {
  const options = {
    data: { type: "string", default: "/data" },
    keys: { type: "string", default: "/keys" },
    run: { type: "string", default: "/run/dr-syncer" },
    host: { type: "string", default: "0.0.0.0" },
    port: { type: "string", default: "2222" },
    help: { type: "boolean", short: "h", default: false },
  } as const;
  const { values, positionals: [role, request] } = parseArgs({ args: [...args], options, allowPositionals: true });
  if (values.help) {
    await Deno.stdout.write(new TextEncoder().encode(help));
    return 0;
  }
  const folders = { dataPath: values.data, keysPath: values.keys, runPath: values.run };
  switch (role) {
    case "source":
      return await source({ ...folders, host: values.host, port: Number(values.port) });
    case "target":
      return await target(folders);
    case "attach":
      await (await import("./attach.ts")).attach(values.run, {
        readable: Deno.stdin.readable,
        writable: Deno.stdout.writable,
      });
      return 0;
    case "control":
      return await control(request ?? "", values.data);
    default:
      throw new UsageError(`There is no role ${JSON.stringify(role ?? "")}`);
  }
}

type Folders = { readonly dataPath: string; readonly keysPath: string; readonly runPath: string };

async function source(options: Folders & { readonly host: string; readonly port: number }): Promise<number> {
  const { runSource } = await import("./source.ts");
  const environment = ["DENO_DIR", "HOME"].map((name) => [name, Deno.env.get(name)] as const);
  return await runSource({
    ...options,
    isRoot: Deno.uid() === 0,
    controlCommand: controlCommand(options.dataPath),
    controlEnvironment: {
      ...Object.fromEntries(environment.filter((entry): entry is [string, string] => entry[1] !== undefined)),
      DENO_NO_UPDATE_CHECK: "1",
      NO_COLOR: "1",
    },
  }, { clock: systemClock, log, signal: untilAsked() });
}

function controlCommand(dataPath: string): string[] {
  const self = import.meta.filename ?? "";
  const permissions = ["--no-prompt", `--allow-run=${CONTROL_PROGRAMS}`];
  return [Deno.execPath(), "run", "--cached-only", ...permissions, self, "control", "--data", dataPath];
}

async function target(options: Folders): Promise<number> {
  const { runTarget } = await import("./target.ts");
  await runTarget(options, { clock: systemClock, random: Math.random, log, signal: untilAsked() });
  return 0;
}

async function control(request: string, dataPath: string): Promise<number> {
  const { answer, isControlRequest } = await import("./control.ts");
  if (!isControlRequest(request)) throw new UsageError(`There is no request ${JSON.stringify(request)}`);
  const streams = { input: Deno.stdin.readable, output: Deno.stdout.writable };
  return await answer(request, dataPath, streams, systemClock, untilAsked());
}

/** Aborted when the process is asked to end. */
function untilAsked(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) Deno.addSignalListener(signal, () => stop.abort());
  return stop.signal;
}
