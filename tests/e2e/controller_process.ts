/**
 * The controller as a process of its own, with the permissions it ships with, run as a ServiceAccount.
 *
 * @module
 */
import { TextLineStream } from "../line_stream.ts";
import { controllerEnvironment, controllerPermissions } from "../permissions.ts";
import { waitFor } from "../wait.ts";

/** A log line of the controller. */
export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly logger: string;
  readonly properties: Record<string, unknown>;
  /** When it was said: ISO 8601, in milliseconds. */
  readonly "@timestamp": string;
}

/** A running controller. */
export interface ControllerProcess {
  readonly pid: number;
  /** Every log line so far, and with lines that are not JSON all that it said. */
  readonly lines: readonly LogLine[];
  readonly rawLines: readonly string[];
  /** Base URL of /healthz, /readyz and /metrics. */
  readonly healthUrl: string;
  /** A metric's value summed over the series whose labels match. */
  metric(name: string, labels?: Record<string, string>): Promise<number>;
  signal(signal: Deno.Signal): void;
  /** Sends the signal (SIGTERM) and waits until it is gone. */
  stop(signal?: Deno.Signal): Promise<Deno.CommandStatus>;
}

/** What a controller process is started with. */
export interface ControllerStart {
  readonly kubeconfigPath: string;
  readonly identity?: string;
  readonly flags?: readonly string[];
}

const READY_DEADLINE_MS = 30_000;
const main = new URL("../../main.ts", import.meta.url).pathname;

/** Starts a controller; resolves when it listens. */
export async function startController(options: ControllerStart): Promise<ControllerProcess> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", ...controllerPermissions, main, "controller", ...flagsOf(options)],
    env: controllerEnvironment,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const rawLines: string[] = [];
  const lines: LogLine[] = [];
  const reading = Promise.all([child.stderr, child.stdout].map((stream) => readLines(stream, rawLines, lines)));
  let ended: Deno.CommandStatus | undefined;
  const status = child.status.then((result) => ended = result);
  const listening = await waitFor("the controller listens", () => {
    if (ended !== undefined) throw new Error(`the controller ended with ${ended.code}:\n${rawLines.join("\n")}`);
    return lines.find((line) => line.message === "listening");
  }, { deadlineMs: READY_DEADLINE_MS });
  const healthUrl = `http://127.0.0.1:${listening.properties.healthPort}`;
  return {
    pid: child.pid,
    lines,
    rawLines,
    healthUrl,
    metric: (name, labels) => readMetric(healthUrl, name, labels ?? {}),
    signal: (signal) => child.kill(signal),
    async stop(signal = "SIGTERM") {
      if (ended === undefined) child.kill(signal);
      const result = await status;
      await reading;
      return result;
    },
  };
}

function flagsOf({ kubeconfigPath, identity, flags = [] }: ControllerStart): string[] {
  return [
    ...["--kubeconfig", kubeconfigPath, "--host", "127.0.0.1", "--webhook-port", "0", "--health-port", "0"],
    ...["--webhook-url", "https://127.0.0.1:0", "--log-level", "debug"],
    ...(identity === undefined ? [] : ["--identity", identity]),
    ...flags,
  ];
}

async function readLines(stream: ReadableStream<Uint8Array>, rawLines: string[], lines: LogLine[]): Promise<void> {
  for await (const line of stream.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())) {
    rawLines.push(line);
    if (line.startsWith("{")) lines.push(JSON.parse(line));
  }
}

async function readMetric(healthUrl: string, name: string, labels: Record<string, string>): Promise<number> {
  const text = await (await fetch(`${healthUrl}/metrics`)).text();
  return text.split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => Object.entries(labels).every(([key, value]) => line.includes(`${key}="${value}"`)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}
