/**
 * `deno task test`: every test that this machine can run, and what it could not run and why.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { ensurePackages } from "./agent/packages.ts";
import { ensureBinaries, MissingRequirement } from "./rig/binaries.ts";
import { ensureNodes } from "./rig/nodes.ts";
import { showProgress } from "./rig/progress.ts";
import { runSuites, type SuiteResult } from "./runner/execute.ts";
import { exitCodeOf, formatSum, sumUp } from "./runner/sum.ts";
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

const root = join(import.meta.dirname ?? ".", "..");

/** More at once only make each other slow on two cores. */
const suitesAtOnce = 2;

function write(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text + "\n"));
}

/** Why suites cannot run; `isFailure` when that is not for want of something to install. */
interface Obstacle {
  readonly suites: readonly Suite[];
  readonly message: string;
  readonly isFailure: boolean;
}

/** Builds what clusters need. */
async function buildClusters(): Promise<void> {
  const onProgress = showProgress(Deno.stderr);
  await ensureBinaries(undefined, ["etcd", "kube-apiserver", "kubectl", "kube-controller-manager"], { onProgress });
  await ensureBinaries("1.30", ["kube-apiserver"], { onProgress });
}

/** Installs and builds what nodes need. */
async function prepareNodes(): Promise<void> {
  await ensureNodes({ onProgress: showProgress(Deno.stderr) });
}

/** Gets what suites need, and answers with what could not be got; a suite is told of with the first that it lacks. */
async function findObstacles(suites: readonly Suite[]): Promise<Obstacle[]> {
  const needs: readonly (readonly [Suite[], () => Promise<void>])[] = [
    [suites.filter((suite) => suite.needsVolumes), ensurePackages],
    [suites.filter((suite) => suite.needsClusters), buildClusters],
    [suites.filter((suite) => suite.needsNodes), prepareNodes],
  ];
  const obstacles: Obstacle[] = [];
  for (const [all, ensure] of needs) {
    const needing = all.filter((suite) => !obstacles.some((obstacle) => obstacle.suites.includes(suite)));
    if (needing.length === 0) continue;
    try {
      await ensure();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      obstacles.push({ suites: needing, message, isFailure: !(error instanceof MissingRequirement) });
    }
  }
  return obstacles;
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

function showSkipped(results: readonly SuiteResult[], obstacles: readonly Obstacle[]): void {
  for (const { suite, tests } of results) {
    for (const test of tests.filter((it) => it.outcome === "ignored")) write(`Not run: ${suite.name}: ${test.name}`);
  }
  for (const { suites, message } of obstacles) {
    write(`Not run: ${suites.map((suite) => suite.name).join(", ")}\n  ${message}`);
  }
}

/** What is said of a suite in the list. */
function describeSuite({ name, needsClusters, needsVolumes, needsNodes }: Suite): string {
  const clusters = needsNodes ? " (starts clusters with nodes)" : " (starts clusters)";
  return `${name}${needsClusters ? clusters : ""}${needsVolumes ? " (moves volumes)" : ""}`;
}

async function runTests(filters: readonly string[], testFilter: string | undefined, list: boolean): Promise<number> {
  const suites = selectSuites(await findSuites(root), filters);
  if (list) {
    for (const suite of suites) write(describeSuite(suite));
    return 0;
  }
  const obstacles = await findObstacles(suites);
  const notRun = obstacles.flatMap((obstacle) => obstacle.suites);
  const results = await execute(suites.filter((suite) => !notRun.includes(suite)), testFilter);
  showSkipped(results, obstacles);
  const maySkip = Deno.env.get("CI") !== "true" && !obstacles.some((obstacle) => obstacle.isFailure);
  const sum = sumUp(results, notRun.length, maySkip);
  if (sum.passed + sum.failed === 0) write("No test was run.");
  write(`\n${formatSum(sum)}`);
  return exitCodeOf(sum);
}

async function execute(suites: readonly Suite[], testFilter: string | undefined): Promise<SuiteResult[]> {
  const reportDir = await Deno.makeTempDir();
  const color = Deno.stdout.isTerminal() && !Deno.noColor;
  try {
    const options = { root, reportDir, temporaryDir: dirname(reportDir), testFilter, color };
    return await runSuites(suites, suitesAtOnce, options, showResult);
  } finally {
    await Deno.remove(reportDir, { recursive: true });
  }
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
