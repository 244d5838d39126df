/**
 * Runs suites, each in a process of its own.
 *
 * @module
 */
import { join } from "node:path";
import { parseJunit, type TestResult } from "./junit.ts";
import { permissionsOf, type Suite } from "./suites.ts";

/** A suite that has not ended by then hangs. */
const suiteDeadlineMs = 15 * 60_000;

/** How a suite went. */
export interface SuiteResult {
  readonly suite: Suite;
  readonly tests: readonly TestResult[];
  /** A failure that no test shows: the suite could not be loaded, crashed, or hung. */
  readonly broken?: string;
  /** What the suite wrote. */
  readonly output: string;
  readonly elapsedMs: number;
}

/** What all suites share. */
export interface RunOptions {
  readonly root: string;
  /** Folder for the reports of `deno test`. */
  readonly reportDir: string;
  /** Where tests may write temporary files. */
  readonly temporaryDir: string;
  /** Only tests whose name holds this text. */
  readonly testFilter?: string;
  readonly color: boolean;
}

/** Runs one suite; a failure is a result, not an error. */
export async function runSuite(suite: Suite, options: RunOptions): Promise<SuiteResult> {
  const startedMs = performance.now();
  const report = join(options.reportDir, `${suite.name.replaceAll("/", "_")}.xml`);
  const deadline = AbortSignal.timeout(suiteDeadlineMs);
  const command = new Deno.Command(Deno.execPath(), {
    args: argumentsOf(suite, report, options),
    cwd: options.root,
    env: options.color ? {} : { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: deadline,
  });
  const { code, stdout, stderr } = await command.output();
  const tests = parseJunit(await readReport(report));
  const decoder = new TextDecoder();
  return {
    suite,
    tests,
    broken: deadline.aborted ? "it hung" : whyBroken(code, tests, options.testFilter !== undefined),
    output: decoder.decode(stdout) + decoder.decode(stderr),
    elapsedMs: performance.now() - startedMs,
  };
}

/** The report; empty when the suite ended before it wrote one. */
async function readReport(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** Runs suites, at most `atOnce` at a time, and tells each result as soon as it is there. */
export async function runSuites(
  suites: readonly Suite[],
  atOnce: number,
  options: RunOptions,
  onResult: (result: SuiteResult) => void,
): Promise<SuiteResult[]> {
  const queue = suites.values();
  const results: SuiteResult[] = [];
  const work = async () => {
    for (const suite of queue) {
      const result = await runSuite(suite, options);
      results.push(result);
      onResult(result);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return results;
}

function argumentsOf(suite: Suite, report: string, { root, temporaryDir, testFilter }: RunOptions): string[] {
  return [
    "test",
    `--config=${join(root, "deno.json")}`,
    // Types are checked by a task of their own.
    "--no-check",
    `--junit-path=${report}`,
    ...permissionsOf(suite, temporaryDir),
    ...(testFilter === undefined ? [] : [`--filter=${testFilter}`]),
    ...suite.files,
  ];
}

function whyBroken(code: number, tests: readonly TestResult[], filtered: boolean): string | undefined {
  if (code !== 0 && !tests.some((test) => test.outcome === "failed")) return `it ended with exit code ${code}`;
  return tests.length === 0 && !filtered ? "it holds no test" : undefined;
}
