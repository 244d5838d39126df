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
  /** Whether it moves volumes: with sshd and rsync of this machine, as root. */
  readonly needsVolumes: boolean;
  /** Whether its clusters have nodes, which takes root on Linux: its file's name ends with `nodes_test.ts`. */
  readonly needsNodes: boolean;
}

/** Folders and files below `tests/` whose tests start no cluster; together they are the suite `tests`. */
const clusterless = [
  "tests",
  "tests/bench/volumes",
  "tests/demo/volumes",
  "tests/runner",
  "tests/rig/binaries_test.ts",
  "tests/rig/image_context_test.ts",
  "tests/rig/packages_test.ts",
  "tests/rig/progress_test.ts",
];
/** The folder whose tests move volumes and start no cluster. */
const volumesFolder = "tests/agent";
/** Folders that hold no tests of ours. */
const skipped = [".git", "node_modules", "coverage"];

/** All suites: the tests beside the code by top folder, those below `tests/` by file. */
export async function findSuites(root: string): Promise<Suite[]> {
  const suites = new Map<string, Omit<Suite, "name" | "files"> & { files: string[] }>();
  for (const path of (await findTestFiles(root)).map((file) => relative(root, file)).sort()) {
    const top = path.includes("/") ? path.slice(0, path.indexOf("/")) : ".";
    const folder = path.slice(0, path.lastIndexOf("/"));
    const standsAlone = top === "tests" && !clusterless.includes(folder) && !clusterless.includes(path);
    const needsVolumes = folder === volumesFolder;
    const name = standsAlone ? path : top;
    const needsClusters = standsAlone && !needsVolumes;
    const needsNodes = needsClusters && name.endsWith("nodes_test.ts");
    const suite = suites.get(name) ?? { files: [], needsClusters, needsVolumes, needsNodes };
    suite.files.push(path);
    suites.set(name, suite);
  }
  return [...suites].map(([name, suite]) => ({ name, ...suite })).sort(byNeed);
}

/** The suites that a filter names: the whole name, a part of it, or one of its files. */
export function selectSuites(suites: readonly Suite[], filters: readonly string[]): Suite[] {
  if (filters.length === 0) return [...suites];
  const selected = suites.map((suite) => {
    const isOneFile = suite.needsClusters || suite.needsVolumes;
    if (filters.some((filter) => suite.name === filter || (isOneFile && suite.name.includes(filter)))) {
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
  if (suite.needsClusters || suite.needsVolumes) return ["--allow-all"];
  const run = suite.name === "tests" ? ["--allow-run"] : [];
  return [...common, `--allow-write=${temporaryDir}`, ...run];
}

function byNeed(a: Suite, b: Suite): number {
  const weight = ({ needsClusters, needsVolumes, needsNodes }: Suite) => {
    return Number(needsNodes) * 4 + Number(needsClusters) * 2 + Number(needsVolumes);
  };
  return weight(a) - weight(b) || a.name.localeCompare(b.name, "en");
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
