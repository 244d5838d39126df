/**
 * Which suites there are, and what each may do.
 *
 * @module
 */
import { join, relative } from "node:path";

/** Tests that run in one process. */
export interface Suite {
  /** Folder (tests beside the code) or file (tests below `tests/`), relative to the repository. */
  readonly name: string;
  readonly files: readonly string[];
  /** Whether it starts clusters of the rig. */
  readonly needsClusters: boolean;
}

/** Folders and files below `tests/` whose tests start no cluster; together they are the suite `tests`. */
const clusterless = ["tests", "tests/runner", "tests/rig/binaries_test.ts", "tests/rig/progress_test.ts"];
/** Folders that hold no tests of ours. */
const skipped = [".git", "node_modules", "coverage"];

/** All suites: the tests beside the code by top folder, those below `tests/` by file. */
export async function findSuites(root: string): Promise<Suite[]> {
  const suites = new Map<string, { files: string[]; needsClusters: boolean }>();
  for (const path of (await findTestFiles(root)).map((file) => relative(root, file)).sort()) {
    const top = path.includes("/") ? path.slice(0, path.indexOf("/")) : ".";
    const folder = path.slice(0, path.lastIndexOf("/"));
    const startsClusters = top === "tests" && !clusterless.includes(folder) && !clusterless.includes(path);
    const name = startsClusters ? path : top;
    const suite = suites.get(name) ?? { files: [], needsClusters: startsClusters };
    suite.files.push(path);
    suites.set(name, suite);
  }
  return [...suites].map(([name, suite]) => ({ name, ...suite })).sort(byNeed);
}

/** The suites that a filter names: the whole name, a part of it, or one of its files. */
export function selectSuites(suites: readonly Suite[], filters: readonly string[]): Suite[] {
  if (filters.length === 0) return [...suites];
  const selected = suites.map((suite) => {
    if (filters.some((filter) => suite.name === filter || (suite.needsClusters && suite.name.includes(filter)))) {
      return suite;
    }
    return { ...suite, files: suite.files.filter((file) => filters.some((filter) => file.includes(filter))) };
  });
  return selected.filter((suite) => suite.files.length > 0);
}

/** What the tests of a suite are allowed to do. */
export function permissionsOf(suite: Suite, temporaryDir: string): string[] {
  const loopback = "--allow-net=127.0.0.1,localhost,[::1]";
  const common = ["--allow-read", "--allow-env", "--allow-sys", loopback];
  // Deno lets nobody with less than everything look into /proc, where what was left behind shows.
  if (suite.needsClusters) return ["--allow-all"];
  const run = suite.name === "tests" ? ["--allow-run"] : [];
  return [...common, `--allow-write=${temporaryDir}`, ...run];
}

function byNeed(a: Suite, b: Suite): number {
  return Number(a.needsClusters) - Number(b.needsClusters) || a.name.localeCompare(b.name, "en");
}

async function findTestFiles(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory && !skipped.includes(entry.name)) found.push(...await findTestFiles(path));
    if (entry.isFile && entry.name.endsWith("_test.ts")) found.push(path);
  }
  return found;
}
