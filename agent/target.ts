/**
 * The target agent: runs one pass at a time, as it is told over its socket. Who listens may come and go; a pass goes on.
 *
 * @module
 */
import { socketPath } from "./attach.ts";
import { Connection } from "./connection.ts";
import type { Clock } from "../kube/clock.ts";
import { LineSplitter } from "../kube/lines.ts";
import type { Log } from "../kube/log.ts";
import { runPass } from "./pass.ts";
import { RelayDoor } from "./relay_door.ts";
import { type AgentCommand, type AgentEvent, LINE_BYTES, parseCommand, type PassRequest } from "./protocol.ts";
import type { PassReport, PassState } from "./report.ts";

/** What a target agent is told. */
export interface TargetOptions {
  /** Root of the target volume. */
  readonly dataPath: string;
  /** Folder of the mounted Secret: see `ConnectionOptions`. */
  readonly keysPath: string;
  /** Folder in memory for files of our own, the socket among them. */
  readonly runPath: string;
}

/** Time, log, and the end. */
export interface TargetTools {
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** A listener that reads so slowly that this many events wait for it gets no more progress. */
const MAX_WAITING = 100;
/** How long the end waits for ssh. */
const CLOSE_DEADLINE_MS = 5_000;

/** Serves until the signal is aborted; a pass that runs then is stopped, and waited for. */
export async function runTarget(options: TargetOptions, tools: TargetTools): Promise<void> {
  const { log, signal } = tools;
  await Deno.mkdir(options.runPath, { recursive: true, mode: 0o700 });
  const path = socketPath(options.runPath);
  await Deno.remove(path).catch(() => undefined);
  const listener = Deno.listen({ transport: "unix", path });
  const agent = new TargetAgent(options, tools);
  const over = new AbortController();
  signal.addEventListener("abort", () => listener.close(), { once: true });
  log.info("listening", { socket: path, volume: options.dataPath });
  const served = new Set<Promise<void>>();
  try {
    for await (const connection of listener) {
      const serving = serve(agent, connection, over.signal).catch((error) =>
        log.warn("listener lost", { error: `${error}` })
      );
      served.add(serving);
      serving.finally(() => served.delete(serving));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  await agent.end();
  over.abort();
  await Promise.all(served);
}

/** Who hears what the agent says. */
type Listener = (event: AgentEvent) => void;

class TargetAgent {
  readonly #options: TargetOptions;
  readonly #tools: TargetTools;
  readonly #connection: Connection;
  readonly #listeners = new Set<Listener>();
  #running?: { state: PassState; readonly stop: AbortController; readonly over: Promise<void> };
  #last?: PassReport;
  /** When the last command came. */
  #heardMs = 0;
  #door?: RelayDoor;

  constructor(options: TargetOptions, tools: TargetTools) {
    this.#options = options;
    this.#tools = tools;
    this.#connection = new Connection(options);
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Carries a command out; what it has to say to the one who gave it goes to `answer`. */
  obey(command: AgentCommand, answer: Listener): void {
    const running = this.#running;
    this.#heardMs = this.#tools.clock.nowMs();
    switch (command.type) {
      case "report":
        return answer({ type: "state", running: running?.state, last: this.#last });
      case "stop":
        if (running?.state.passId === command.passId) return running.stop.abort();
        return answer({ type: "refused", reason: "NotRunning", message: `pass ${command.passId} does not run` });
      case "start":
        if (running === undefined) return this.#start(command.pass);
        // The same command again after a broken stream is no second pass.
        if (running.state.passId === command.pass.passId) return;
        return answer({ type: "refused", reason: "Busy", message: `pass ${running.state.passId} runs` });
    }
  }

  #start(request: PassRequest): void {
    const stop = new AbortController();
    const state: PassState = { passId: request.passId, step: "Connecting" };
    // From the next turn on, so that what runs is known before it ends.
    const over = Promise.resolve().then(() => this.#run(request, stop));
    this.#running = { state, stop, over };
  }

  async #run(request: PassRequest, stop: AbortController): Promise<void> {
    const { log, clock } = this.#tools;
    log.info("pass started", { pass: request.passId, volume: request.volume });
    const silence = this.#watchSilence(request.maxSilenceMs, () => stop.abort());
    const report = silence.judge(
      await runPass({ ...request, source: this.#way(request.source) }, {
        dataPath: this.#options.dataPath,
        connection: this.#connection,
        clock,
        signal: stop.signal,
        onState: (state) => {
          if (this.#running) this.#running.state = state;
          this.#say({ type: "progress", ...state });
        },
      }),
    );
    this.#running = undefined;
    this.#last = report;
    log.info("pass finished", { pass: request.passId, outcome: report.outcome.kind, durationMs: report.durationMs });
    this.#say({ type: "finished", ...report });
  }

  /** `judge` ends the watch, and says in the report of a pass that it stopped why it did. */
  #watchSilence(limitMs: number | undefined, stop: () => void): { judge(report: PassReport): PassReport } {
    const { clock } = this.#tools;
    let cancel = () => {};
    let isUnheard = false;
    const look = () => {
      const leftMs = this.#heardMs + (limitMs ?? Infinity) - clock.nowMs();
      isUnheard = leftMs <= 0;
      if (isUnheard) stop();
      else if (limitMs !== undefined) cancel = clock.setTimer(look, leftMs);
    };
    look();
    return {
      judge(report) {
        cancel();
        const { outcome } = report;
        if (!isUnheard || outcome.kind !== "failed" || outcome.class !== "stopped") return report;
        const message = `nobody has asked for the pass for ${limitMs} ms: whether it may still write is not known`;
        return { ...report, outcome: { ...outcome, reason: "Unheard", message } };
      },
    };
  }

  /** Where ssh finds the source. The door stays open for the next pass, which may find the relay there already. */
  #way(source: PassRequest["source"]): PassRequest["source"] {
    if (!source.relayed) return source;
    this.#door ??= new RelayDoor(source.port);
    return { ...source, host: "127.0.0.1", port: this.#door.port };
  }

  #say(event: AgentEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Stops what runs, and closes the connection to the source. */
  async end(): Promise<void> {
    this.#running?.stop.abort();
    await this.#running?.over;
    await this.#connection.close(AbortSignal.timeout(CLOSE_DEADLINE_MS));
    this.#door?.close();
  }
}

/** Serves one listener until it has said all it wants to say, or the agent is over. */
async function serve(agent: TargetAgent, connection: Deno.Conn, over: AbortSignal): Promise<void> {
  const writer = connection.writable.getWriter();
  let waiting = 0;
  let sent: Promise<void> = Promise.resolve();
  const send: Listener = (event) => {
    if (waiting > MAX_WAITING && event.type === "progress") return;
    waiting++;
    const bytes = new TextEncoder().encode(`${JSON.stringify(event)}\n`);
    sent = sent.then(() => writer.write(bytes)).catch(() => undefined).finally(() => waiting--);
  };
  const stopListening = agent.listen(send);
  const close = () => void sent.then(() => connection.close()).catch(() => undefined);
  over.addEventListener("abort", close, { once: true });
  try {
    await readCommands(connection.readable, agent, send);
    await sent;
  } catch (error) {
    // A listener that is gone has nothing more to say; the pass goes on without it.
    if (!over.aborted && !isGone(error)) throw error;
  } finally {
    stopListening();
    over.removeEventListener("abort", close);
    await writer.close().catch(() => undefined);
  }
}

async function readCommands(readable: ReadableStream<Uint8Array>, agent: TargetAgent, send: Listener): Promise<void> {
  const splitter = new LineSplitter();
  for await (const chunk of readable) {
    splitter.push(chunk, ({ text }) => {
      const parsed = parseCommand(text);
      if ("command" in parsed) agent.obey(parsed.command, send);
      else send({ type: "refused", reason: "Malformed", message: parsed.problem });
    });
    if (splitter.pendingBytes <= LINE_BYTES) continue;
    return send({ type: "refused", reason: "Malformed", message: `a line may have ${LINE_BYTES} bytes` });
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted;
}
