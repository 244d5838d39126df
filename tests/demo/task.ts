/**
 * `deno task demo`: dr-syncer at work on this machine.
 *
 * @module
 */
import { showProgress } from "../rig/progress.ts";
import { Board, type Look } from "./board.ts";
import { followChanges } from "./follow.ts";
import { lookAround, showStates, warningsOf } from "./look_around.ts";
import { type DemoOptions, HELP, parseOptions, UsageError } from "./options.ts";
import { playRound } from "./round.ts";
import { startStage } from "./stage.ts";
import { formatSummary } from "./summary.ts";

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

async function runDemo(options: DemoOptions, signal: AbortSignal): Promise<number> {
  const out = options.json ? Deno.stderr : Deno.stdout;
  const isTerminal = out.isTerminal();
  const look: Look = { isTerminal, colour: isTerminal && !Deno.noColor, size: () => Deno.consoleSize() };
  const board = new Board(out, look);
  const tell = (line: string) => board.tell(line);
  try {
    await using stage = await startStage({
      drVersion: options.drVersion,
      signal,
      tell,
      onProgress: showProgress(Deno.stderr),
    });
    const summary = await playRound({ stage, board, waitMs: options.waitMs, signal });
    if (summary.namespace !== null) await showStates(stage, board, signal);
    tell("");
    for (const line of formatSummary(summary)) tell(/^[A-Z]{3}/.test(line) ? board.bad(line) : line);
    if (!summary.passed) { for (const line of warningsOf(stage.controller)) tell(line); }
    if (options.json) write(Deno.stdout, JSON.stringify(summary, undefined, 2) + "\n");
    if (!options.once) {
      lookAround(stage, board);
      await followChanges(stage, board, signal);
    }
    tell("Cleaning up…");
    return summary.passed ? 0 : 1;
  } catch (error) {
    if (!signal.aborted) throw error;
    tell("Interrupted; everything was removed.");
    return signal.reason instanceof Interruption ? signal.reason.exitCode : 1;
  }
}

function write(sink: { writeSync(bytes: Uint8Array): number }, text: string): void {
  sink.writeSync(new TextEncoder().encode(text));
}

async function main(): Promise<number> {
  try {
    const options = parseOptions(Deno.args, Deno.stdout.isTerminal());
    if (options !== undefined) return await runDemo(options, listenForSignals());
    write(Deno.stdout, HELP);
    return 0;
  } catch (error) {
    write(Deno.stderr, `error: ${error instanceof Error ? error.message : error}\n`);
    if (error instanceof UsageError) write(Deno.stderr, "See: deno task demo --help\n");
    return error instanceof UsageError ? 2 : 1;
  }
}

if (import.meta.main) Deno.exit(await main());
