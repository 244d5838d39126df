/**
 * `deno task demo`: dr-syncer at work on this machine.
 *
 * @module
 */
import { showProgress } from "../rig/progress.ts";
import { Board, type Look, type TextSink } from "./board.ts";
import { followChanges } from "./follow.ts";
import { lookAround, showStates, warningsOf } from "./look_around.ts";
import { type DemoOptions, HELP, parseOptions, UsageError } from "./options.ts";
import { playRound } from "./round.ts";
import { type Stage, startStage } from "./stage.ts";
import { formatSummary } from "./summary.ts";
import { stayWithVolumes } from "./volumes/look_around.ts";
import { playVolumes } from "./volumes/play.ts";
import { formatVolumeSummary } from "./volumes/summary.ts";

/** Exit codes of shells for a program that a signal ended. */
const signals = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** Somebody asked for the end. */
class Interruption extends Error {
  override readonly name = "Interruption";
  constructor(readonly exitCode: number) {
    super("interrupted");
  }
}

/** A terminal and the programs between it and us send one Ctrl-C several times. */
const sameSignalMs = 1_000;

/** Aborts at the first signal; a later one does not wait for the clean-up, which then happens without us. */
function listenForSignals(): AbortSignal {
  const stop = new AbortController();
  let firstMs = 0;
  for (const [name, exitCode] of Object.entries(signals)) {
    Deno.addSignalListener(name as keyof typeof signals, () => {
      if (stop.signal.aborted && performance.now() - firstMs > sameSignalMs) Deno.exit(exitCode);
      if (stop.signal.aborted) return;
      firstMs = performance.now();
      stop.abort(new Interruption(exitCode));
    });
  }
  return stop.signal;
}

/** Where the demo is shown; `Deno.stdout` fits. */
export interface Screen extends TextSink {
  isTerminal(): boolean;
}

/** Runs the demo to its end; answers with the exit code. */
export async function runDemo(options: DemoOptions, signal: AbortSignal, out: Screen): Promise<number> {
  const isTerminal = out.isTerminal();
  const look: Look = { isTerminal, colour: isTerminal && !Deno.noColor, size: () => Deno.consoleSize() };
  const board = new Board(out, look);
  const tell = (line: string) => board.tell(line);
  try {
    await using stage = await startStage({ ...options, signal, tell, onProgress: showProgress(Deno.stderr) });
    const show = options.volumes ? showVolumes : showObjects;
    const { passed, summary, lines } = await show(options, stage, board, signal);
    for (const line of lines) tell(/^[A-Z]{3}/.test(line) ? board.bad(line) : line);
    if (!passed) { for (const line of warningsOf(stage.controller)) tell(line); }
    if (options.json) write(Deno.stdout, JSON.stringify(summary, undefined, 2) + "\n");
    if (!options.once) await (options.volumes ? stayWithVolumes : stayWithObjects)(stage, board, signal);
    tell("Cleaning up…");
    return passed ? 0 : 1;
  } catch (error) {
    if (!signal.aborted) throw error;
    tell("Interrupted; everything was removed.");
    return signal.reason instanceof Interruption ? signal.reason.exitCode : 1;
  }
}

/** What a round has come to. */
interface Shown {
  readonly passed: boolean;
  /** For machines. */
  readonly summary: unknown;
  /** For people. */
  readonly lines: readonly string[];
}

async function showObjects({ waitMs }: DemoOptions, stage: Stage, board: Board, signal: AbortSignal): Promise<Shown> {
  const summary = await playRound({ stage, board, waitMs, signal });
  if (summary.namespace !== null) await showStates(stage, board, signal);
  board.tell();
  return { passed: summary.passed, summary, lines: formatSummary(summary) };
}

async function showVolumes({ waitMs }: DemoOptions, stage: Stage, board: Board, signal: AbortSignal): Promise<Shown> {
  const summary = await playVolumes({ stage, board, waitMs, signal });
  board.tell();
  return { passed: summary.passed, summary, lines: formatVolumeSummary(summary) };
}

async function stayWithObjects(stage: Stage, board: Board, signal: AbortSignal): Promise<void> {
  lookAround(stage, board);
  await followChanges(stage, board, signal);
}

function write(sink: { writeSync(bytes: Uint8Array): number }, text: string): void {
  sink.writeSync(new TextEncoder().encode(text));
}

async function main(): Promise<number> {
  try {
    const options = parseOptions(Deno.args, Deno.stdout.isTerminal());
    if (options !== undefined) {
      return await runDemo(options, listenForSignals(), options.json ? Deno.stderr : Deno.stdout);
    }
    write(Deno.stdout, HELP);
    return 0;
  } catch (error) {
    write(Deno.stderr, `error: ${error instanceof Error ? error.message : error}\n`);
    if (error instanceof UsageError) write(Deno.stderr, "See: deno task demo --help\n");
    return error instanceof UsageError ? 2 : 1;
  }
}

if (import.meta.main) Deno.exit(await main());
