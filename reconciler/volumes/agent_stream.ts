/**
 * Commanding a target agent by an exec in its Pod. A pass outlives a stream that breaks: the next stream takes it over.
 *
 * @module
 */
import type { AgentCommandInput, AgentEvent, PassRequestInput } from "../../agent/protocol.ts";
import type { PassReport, PassState } from "../../agent/report.ts";
import { type Clock, waitFor } from "../../kube/clock.ts";
import { KubeError } from "../../kube/errors.ts";
import type { Exec } from "../../kube/exec.ts";
import { LineSplitter } from "../../kube/lines.ts";
import type { KubeClient } from "../../kube/types.ts";
import { isObject } from "../desired/json.ts";

/** What an exec runs: it connects its streams with the agent (deploy/Dockerfile.agent). */
export const ATTACH_COMMAND = ["/usr/local/bin/dr-syncer-attach"] as const;

/** The agent listens a moment after its container runs. */
const RETRY_MS = 1_000;
/** No stream could be opened for this long: the agent is not there. */
const GIVE_UP_MS = 60_000;
/** An agent is asked how it is this often, and one that says nothing for three times as long is not heard. */
const ASK_MS = 10_000;
/**
 * A pass that nobody has asked for in this time stops by itself: cut off from DR, we may have lost its namespace to a failover,
 * and cannot tell the agent.
 */
export const MAX_SILENCE_MS = 3 * ASK_MS;
/** How long a pass that is stopped may take to end in order: time to remove the agents is left before who waits cuts it off. */
const STOP_MS = 5_000;
/** A line of an agent is never longer. */
const LINE_BYTES = 1_048_576;

/** What commanding needs. */
export interface AgentStreamPorts {
  readonly client: Pick<KubeClient, "exec">;
  readonly namespace: string;
  readonly pod: string;
  readonly clock: Clock;
  /** Aborted: the pass is told to stop. */
  readonly signal: AbortSignal;
  onProgress(state: PassState): void;
}

/**
 * Runs a pass and answers with its report; undefined when it was stopped and did not say how it ended. Throws `KubeError`
 * when the agent cannot be reached, or refuses.
 */
export async function commandPass(pass: PassRequestInput, ports: AgentStreamPorts): Promise<PassReport | undefined> {
  const { clock, signal } = ports;
  const over = new AbortController();
  const cut = () => over.abort();
  let cancel = () => {};
  const onStop = () => cancel = clock.setTimer(cut, STOP_MS);
  signal.addEventListener("abort", onStop, { once: true });
  if (signal.aborted) onStop();
  let heardMs = clock.nowMs();
  try {
    while (!over.signal.aborted) {
      const talk = new Talk(pass, ports, over.signal);
      const { report, error, heard } = await talk.run();
      if (report !== undefined) return report;
      if (heard) heardMs = clock.nowMs();
      // Who stopped it does not wait for a stream that cannot be had.
      if (signal.aborted) return undefined;
      // What it refuses once it refuses again.
      if (error?.reason === "BadRequest" || clock.nowMs() - heardMs > GIVE_UP_MS) throw error;
      await waitFor(clock, RETRY_MS, over.signal);
    }
    return undefined;
  } finally {
    cancel();
    signal.removeEventListener("abort", onStop);
  }
}

/** How one stream ended. */
interface TalkEnd {
  readonly report?: PassReport;
  /** Why there is no report. */
  readonly error?: KubeError;
  /** The agent has said something. */
  readonly heard: boolean;
}

/** One stream, from its opening to its end. */
class Talk {
  readonly #pass: PassRequestInput;
  readonly #ports: AgentStreamPorts;
  readonly #signal: AbortSignal;
  readonly #lines = new LineSplitter();
  readonly #end = Promise.withResolvers<TalkEnd>();
  #exec: Exec | undefined;
  #heardMs: number;
  #heard = false;
  #isStarted = false;

  constructor(pass: PassRequestInput, ports: AgentStreamPorts, signal: AbortSignal) {
    this.#pass = pass;
    this.#ports = ports;
    this.#signal = signal;
    this.#heardMs = ports.clock.nowMs();
  }

  async run(): Promise<TalkEnd> {
    const { client, namespace, pod, signal } = this.#ports;
    const stop = () => this.#say({ type: "stop", passId: this.#pass.passId });
    let cancel = () => {};
    try {
      const onOutput = (chunk: Uint8Array) => this.#hear(chunk);
      const command = ATTACH_COMMAND;
      this.#exec = await client.exec({ namespace, pod, container: "agent", command, onOutput, signal: this.#signal });
      void this.#exec.ended.then((end) => this.#end.resolve({ heard: this.#heard, error: errorOf(end) }));
      signal.addEventListener("abort", stop, { once: true });
      // What runs, or has ended while no stream was there, decides what is said next.
      this.#say({ type: "report" });
      cancel = this.#keepAsking();
      return await this.#end.promise;
    } catch (error) {
      return { heard: this.#heard, error: error instanceof KubeError ? error : undefined };
    } finally {
      cancel();
      signal.removeEventListener("abort", stop);
      this.#exec?.close();
    }
  }

  #keepAsking(): () => void {
    const { clock } = this.#ports;
    let cancel = () => {};
    const ask = () => {
      if (clock.nowMs() - this.#heardMs > 3 * ASK_MS) return this.#exec?.close();
      this.#say({ type: "report" });
      cancel = clock.setTimer(ask, ASK_MS);
    };
    cancel = clock.setTimer(ask, ASK_MS);
    return () => cancel();
  }

  #say(command: AgentCommandInput): void {
    const line = new TextEncoder().encode(`${JSON.stringify(command)}\n`);
    // A stream that takes nothing any more ends, and that is told.
    void this.#exec?.write(line).catch(() => undefined);
  }

  #hear(chunk: Uint8Array): void {
    this.#heardMs = this.#ports.clock.nowMs();
    this.#heard = true;
    this.#lines.push(chunk, ({ text }) => this.#take(text));
    if (this.#lines.pendingBytes > LINE_BYTES) this.#exec?.close();
  }

  #take(text: string): void {
    const event = parseEvent(text);
    const { passId } = this.#pass;
    switch (event?.type) {
      case "state":
        if (event.last?.passId === passId) return this.#end.resolve({ report: event.last, heard: true });
        if (event.running?.passId === passId) return this.#ports.onProgress(event.running);
        return this.#start();
      case "progress":
        if (event.passId === passId) this.#ports.onProgress(event);
        return;
      case "finished":
        if (event.passId === passId) this.#end.resolve({ report: event, heard: true });
        return;
      case "refused": {
        if (event.reason === "NotRunning") return this.#end.resolve({ heard: true });
        const error = new KubeError("BadRequest", `the agent refused: ${event.message}`);
        return this.#end.resolve({ heard: false, error });
      }
    }
  }

  #start(): void {
    if (this.#ports.signal.aborted) return this.#end.resolve({ heard: true });
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#say({ type: "start", pass: this.#pass });
  }
}

function errorOf(end: Awaited<Exec["ended"]>): KubeError {
  if (end.kind === "broken") return end.error;
  const words = end.kind === "exited" ? `its stream ended with ${end.code}: ${end.errors.trim()}` : "it is silent";
  return new KubeError("Unreachable", `Cannot command the agent: ${words}`);
}

/** A line of the agent; undefined for what has not the shape of one. */
function parseEvent(text: string): AgentEvent | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) && typeof value.type === "string" ? value as unknown as AgentEvent : undefined;
  } catch {
    return undefined;
  }
}
