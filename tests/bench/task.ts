/**
 * `deno task bench`: how fast the mirror is, each figure beside what the machine can do at best.
 *
 * @module
 */
import { availableParallelism, totalmem } from "node:os";
import { MissingRequirement } from "../rig/binaries.ts";
import { measure } from "./measure.ts";
import { type BenchOptions, help, parseOptions, UsageError } from "./options.ts";
import { formatFigures, summarize } from "./report.ts";
import { medians } from "./statistics.ts";

function write(sink: typeof Deno.stdout | typeof Deno.stderr, text: string): void {
  sink.writeSync(new TextEncoder().encode(text));
}

/** Tells on standard error what is being measured: one line that changes on a terminal, a line each elsewhere. */
function showSteps(runs: number): (run: number) => (what: string) => void {
  const startMs = performance.now();
  const terminal = Deno.stderr.isTerminal();
  return (run) => (what) => {
    const seconds = Math.round((performance.now() - startMs) / 1_000);
    const text = `${runs > 1 ? `run ${run} of ${runs}, ` : ""}${seconds} s: ${what}`;
    write(Deno.stderr, terminal ? `\r\x1b[2K${text}` : `${text}\n`);
  };
}

/** Where the figures come from; a machine that does other work as well measures that, too. */
function describeMachine(loadBefore: number, runs: number): string {
  const [cores, gibibytes] = [availableParallelism(), Math.round(totalmem() / 2 ** 30)];
  const medians = runs > 1 ? `, medians of ${runs} runs` : "";
  return `${cores} cores, ${gibibytes} GiB, Deno ${Deno.version.deno}, load average before ${
    loadBefore.toFixed(1)
  }${medians}`;
}

async function runBench(options: BenchOptions): Promise<void> {
  const steps = showSteps(options.runs);
  const loadBefore = Deno.loadavg()[0] as number;
  const results = [];
  for (let run = 1; run <= options.runs; run++) results.push(await measure(options, steps(run)));
  if (Deno.stderr.isTerminal()) write(Deno.stderr, "\r\x1b[2K");
  const figures = medians(results);
  write(Deno.stdout, `${describeMachine(loadBefore, options.runs)}\n\n${formatFigures(figures)}`);
  if (options.jsonPath === undefined) return;
  await Deno.writeTextFile(options.jsonPath, JSON.stringify(summarize(figures), null, 2) + "\n");
}

async function main(): Promise<number> {
  try {
    const options = parseOptions(Deno.args);
    if (options === undefined) write(Deno.stdout, help);
    else await runBench(options);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError) && !(error instanceof MissingRequirement)) throw error;
    write(Deno.stderr, `${error.message}\n`);
    return 2;
  }
}

if (import.meta.main) Deno.exit(await main());
