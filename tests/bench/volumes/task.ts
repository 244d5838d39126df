/**
 * `deno task bench:volumes`: how fast volumes are copied, against the plain command and raw ssh.
 *
 * @module
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { ensurePackages } from "../../agent/packages.ts";
import { MissingRequirement } from "../../rig/binaries.ts";
import { medians } from "../statistics.ts";
import { CASE_NAMES, type CaseName, measure } from "./measure.ts";
import { formatTimings, summarize } from "./report.ts";
import { ROUND_TRIP_MS, Stage } from "./stage.ts";

const help = `Measures agents against rsync -avz over ssh as it comes, and against raw ssh, on trees in memory.

Usage: deno task bench:volumes [options]

Options:
  --quick      a tenth of the data: a look, not a figure to quote
  --only CASE  measures this one: ${CASE_NAMES.join(", ")}; may be repeated
  --runs N     repeats everything N times and takes the median of each figure; 3 unless told otherwise
  --json FILE  also writes how many times faster each case is
  --help       shows this text

Linux and root are needed. Far is a round trip of ${ROUND_TRIP_MS} ms through a proxy of ours.
`;

const FULL = { largeMiB: 1_024, files: 100_000, changedFiles: 100 };
const QUICK = { largeMiB: 128, files: 10_000, changedFiles: 100 };

function write(sink: typeof Deno.stdout | typeof Deno.stderr, text: string): void {
  sink.writeSync(new TextEncoder().encode(text));
}

async function main(): Promise<number> {
  const options = {
    quick: { type: "boolean", default: false },
    only: { type: "string", multiple: true, default: [] as string[] },
    runs: { type: "string", default: "3" },
    json: { type: "string" },
    help: { type: "boolean", short: "h", default: false },
  } as const;
  const { values } = parseArgs({ args: Deno.args, options });
  if (values.help) {
    write(Deno.stdout, help);
    return 0;
  }
  const cases = casesOf(values.only);
  await ensurePackages();
  const [runs, loadBefore] = [Number(values.runs), Deno.loadavg()[0] ?? 0];
  const results = [];
  for (let run = 1; run <= runs; run++) {
    await using stage = await Stage.start();
    const onStep = (what: string) => write(Deno.stderr, `run ${run} of ${runs}: ${what}\n`);
    results.push(await measure(stage, values.quick ? QUICK : FULL, cases, onStep));
  }
  const timings = medians(results);
  const machine = `${availableParallelism()} cores, load average before ${
    loadBefore.toFixed(1)
  }, medians of ${runs} runs`;
  write(Deno.stdout, `${machine}\n\n${formatTimings(timings)}`);
  if (values.json !== undefined) {
    await Deno.writeTextFile(values.json, `${JSON.stringify(summarize(timings), null, 2)}\n`);
  }
  return 0;
}

/** The cases with these names; all when there are none. @throws {TypeError} for a name that none has */
function casesOf(names: readonly string[]): ReadonlySet<CaseName> {
  const unknown = names.find((name) => !CASE_NAMES.some((known) => known === name));
  if (unknown !== undefined) throw new TypeError(`There is no case ${JSON.stringify(unknown)}; --help names them`);
  return new Set(names.length === 0 ? CASE_NAMES : CASE_NAMES.filter((name) => names.includes(name)));
}

if (import.meta.main) {
  try {
    Deno.exit(await main());
  } catch (error) {
    if (!(error instanceof MissingRequirement) && !(error instanceof TypeError)) throw error;
    write(Deno.stderr, `${error.message}\n`);
    Deno.exit(2);
  }
}
