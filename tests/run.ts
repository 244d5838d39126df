/**
 * `deno task test`: every test that this machine can run, and what it could not run and why.
 *
 * @module
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensureBinaries, MissingRequirement } from "./rig/binaries.ts";
import { showProgress } from "./rig/progress.ts";
import { runSuites, type SuiteResult } from "./runner/execute.ts";
import { findSuites, selectSuites, type Suite } from "./runner/suites.ts";

const help = `Runs the tests: those beside the code, then those that start real clusters.

Usage: deno task test [suite or part of a path…] [options]

Options:
  --filter TEXT  only tests whose name holds this text
  --list         shows the suites and runs nothing
  --help         shows this text

The last line is the sum: N passed, N failed, and N skipped if something could not be run here.
With CI=true nothing may be skipped: what is missing counts as a failure.
`;

/** More at once only make each other slow on two cores. */
const suitesAtOnce = 2;

/** A sum of all suites. */
interface Sum {
  passed: number;
  failed: number;
  skipped: number;
}

function write(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text + "\n"));
}

/** Why suites that start clusters cannot run; `isFailure` when that is not for want of something to install. */
interface Obstacle {
  readonly message: string;
  readonly isFailure: boolean;
}

/** Builds what clusters need. */
async function findObstacle(): Promise<Obstacle | undefined> {
  const onProgress = showProgress(Deno.stderr);
  try {
    await ensureBinaries(undefined, ["etcd", "kube-apiserver", "kubectl", "kube-controller-manager"], { onProgress });
    await ensureBinaries("1.30", ["kube-apiserver"], { onProgress });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { message, isFailure: !(error instanceof MissingRequirement) };
  }
}

function showResult({ suite, tests, broken, output, elapsedMs }: SuiteResult): void {
  const count = (outcome: string) => tests.filter((test) => test.outcome === outcome).length;
  const failed = count("failed") > 0 || broken !== undefined;
  const counts = [`${count("passed")} passed`];
  if (failed) counts.push(`${count("failed")} failed`);
  if (count("ignored") > 0) counts.push(`${count("ignored")} ignored`);
  if (failed) write(`${output.trimEnd()}\n`);
  const line = `${failed ? "FAILED" : "ok    "}  ${suite.name}: ${counts.join(", ")} (${seconds(elapsedMs)})`;
  write(broken === undefined ? line : `${line}: ${broken}`);
}

function seconds(elapsedMs: number): string {
  return `${(elapsedMs / 1_000).toFixed(1)} s`;
}

/** Adds up; ignored tests and suites that were not run count as skipped, or as failures where nothing may be skipped. */
function sumUp(results: readonly SuiteResult[], notRun: readonly Suite[], maySkip: boolean): Sum {
  const tests = results.flatMap((result) => result.tests);
  const count = (outcome: string) => tests.filter((test) => test.outcome === outcome).length;
  const left = count("ignored") + notRun.length;
  const broken = results.filter((result) => result.broken !== undefined).length;
  return {
    passed: count("passed"),
    failed: count("failed") + broken + (maySkip ? 0 : left),
    skipped: maySkip ? left : 0,
  };
}

function showSkipped(results: readonly SuiteResult[], notRun: readonly Suite[], obstacle: Obstacle | undefined): void {
  for (const { suite, tests } of results) {
    for (const test of tests.filter((it) => it.outcome === "ignored")) write(`Not run: ${suite.name}: ${test.name}`);
  }
  if (obstacle === undefined) return;
  write(`Not run: ${notRun.map((suite) => suite.name).join(", ")}\n  ${obstacle.message}`);
}

async function runTests(filters: readonly string[], testFilter: string | undefined, list: boolean): Promise<number> {
  const root = join(import.meta.dirname ?? ".", "..");
  const suites = selectSuites(await findSuites(root), filters);
  if (list) {
    for (const suite of suites) write(`${suite.name}${suite.needsClusters ? " (starts clusters)" : ""}`);
    return 0;
  }
  const obstacle = suites.some((suite) => suite.needsClusters) ? await findObstacle() : undefined;
  const notRun = obstacle === undefined ? [] : suites.filter((suite) => suite.needsClusters);
  const options = { root, temporaryDir: tmpdir(), testFilter, color: Deno.stdout.isTerminal() && !Deno.noColor };
  const results = await runSuites(suites.filter((suite) => !notRun.includes(suite)), suitesAtOnce, options, showResult);
  showSkipped(results, notRun, obstacle);
  const maySkip = Deno.env.get("CI") !== "true" && obstacle?.isFailure !== true;
  const { passed, failed, skipped } = sumUp(results, notRun, maySkip);
  if (passed + failed === 0) write("No test was run.");
  write(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  return failed > 0 || passed === 0 ? 1 : 0;
}

async function main(): Promise<number> {
  const options = {
    filter: { type: "string" },
    list: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  } as const;
  try {
    const { values, positionals } = parseArgs({ args: Deno.args, options, allowPositionals: true });
    if (!values.help) return await runTests(positionals, values.filter, values.list);
    write(help.trimEnd());
    return 0;
  } catch (error) {
    Deno.stderr.writeSync(new TextEncoder().encode(`error: ${error instanceof Error ? error.message : error}\n`));
    return 2;
  }
}

if (import.meta.main) Deno.exit(await main());
