/**
 * Commands a target agent as an exec in its pod does: JSON lines through `agent attach`, a process of its own.
 *
 * @module
 */
import type { AgentCommandInput, AgentEvent } from "../../agent/protocol.ts";
import { type AgentFolders, entryPoint } from "./agents.ts";
import { TextLineStream } from "../line_stream.ts";
import { waitFor } from "../wait.ts";

/** An attached stream. */
export class Commander implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<void>;
  /** Everything that came, in order. */
  readonly events: AgentEvent[] = [];

  constructor(folders: AgentFolders) {
    // Process 1 of the pod is there already.
    const [deno = "", ...args] = entryPoint(folders).slice(2);
    this.#child = new Deno.Command(deno, {
      args: [...args, "attach", `--run=${folders.runPath}`],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#reading = this.#read();
  }

  async #read(): Promise<void> {
    const lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
    for await (const line of lines) this.events.push(JSON.parse(line));
  }

  async send(command: AgentCommandInput): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(`${JSON.stringify(command)}\n`));
  }

  /** The end of the stream, if the agent ends it. */
  get ended(): Promise<unknown> {
    return this.#child.status;
  }

  /** Sends any line. */
  async sendLine(line: string): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(`${line}\n`));
  }

  /** Waits for an event, whether it has come already or comes yet. */
  async event<T extends AgentEvent["type"]>(
    type: T,
    matches: (event: Extract<AgentEvent, { type: T }>) => boolean = () => true,
    deadlineMs = 120_000,
  ): Promise<Extract<AgentEvent, { type: T }>> {
    const fits = (event: AgentEvent): event is Extract<AgentEvent, { type: T }> => {
      return event.type === type && matches(event as Extract<AgentEvent, { type: T }>);
    };
    return await waitFor(`event ${type}`, () => this.events.find(fits), {
      deadlineMs,
      pollMs: 5,
      describe: () => JSON.stringify(this.events.slice(-5)),
    });
  }

  /** The stream breaks: the process that carried it is killed. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    await this.#writer.close().catch(() => undefined);
    await this.#child.status;
    await this.#reading;
  }
}
