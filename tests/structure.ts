/**
 * Which source file may use which: the import directions of the architecture, checked.
 *
 * @module
 */
import { posix } from "node:path";

/** Source files by path relative to the repository. */
export type Sources = ReadonlyMap<string, string>;

/** One import of a local file. */
export interface Edge {
  readonly from: string;
  readonly to: string;
}

/** Which folders a folder's files may import, besides itself. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  "kube": [],
  "crds": ["kube"],
  "webhook": ["kube", "crds"],
  // Of the agent only types, see `findAgentCode`: the controller's image does not hold it.
  "reconciler": ["kube", "crds", "agent"],
  "agent": ["kube", "crds"],
  "cli": ["kube", "crds"],
  "main.ts": ["kube", "crds", "webhook", "reconciler", "agent", "cli"],
  "tests": ["kube", "crds", "webhook", "reconciler", "agent", "cli"],
};

/** Files that are started by themselves: the product, and developers' tasks. */
const entries = ["main.ts", "agent/main.ts", "crds/generate.ts"];

/** What only entries and tests may do: it binds code to one process. */
const processWide = [
  /\bDeno\.(env|exit|exitCode|addSignalListener|removeSignalListener|args)\b/,
  /\bprocess\.(env|exit|exitCode|argv|on|once)\b/,
];

const comment = String.raw`\/\/[^\n]*|\/\*[\s\S]*?\*\/`;
const literal = String.raw`"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\`(?:[^\`\\]|\\.)*\``;
const specifier = String.raw`(?:\bfrom|\bimport\(?|\bnew URL\()\s*["'](?<path>\.{1,2}\/[^"'\n]+\.tsx?)["']`;

/** All local imports: static, type-only, dynamic, re-exports, and workers; not those in comments and texts. */
export function findEdges(sources: Sources): Edge[] {
  const tokens = new RegExp(`${comment}|${specifier}|${literal}`, "g");
  const edges: Edge[] = [];
  for (const [from, text] of sources) {
    for (const [token, path] of [...text.matchAll(tokens)].map((match) => [match[0], match.groups?.path])) {
      // A test names main.ts by URL to start it as a process.
      const isFileName = isTest(from) && token?.startsWith("new URL");
      if (path && !isFileName) edges.push({ from, to: posix.join(posix.dirname(from), path) });
    }
  }
  return edges;
}

/** The edges that go the wrong way, each as a sentence. */
export function findWrongEdges(edges: readonly Edge[]): string[] {
  return edges.flatMap(({ from, to }) => {
    const why = whyWrong(from, to);
    return why === undefined ? [] : [`${from} must not import ${to}: ${why}`];
  });
}

function whyWrong(from: string, to: string): string | undefined {
  const [source, target] = [topOf(from), topOf(to)];
  if (to === "main.ts" || to === "agent/main.ts") return `nothing imports ${to}`;
  if (isTest(from)) return undefined;
  if (target === "tests" || isTest(to)) return "only tests import tests";
  const targets = allowed[source];
  if (targets === undefined) return `${source} is not in the table of import directions`;
  if (source === target || targets.includes(target)) return undefined;
  return `${source} may import only ${[source, ...targets].join(", ")}`;
}

/** Imports of the agent's code, which the controller's image does not hold, by the reconciler; of its types it may. */
export function findAgentCode(sources: Sources): string[] {
  const imports = /^(?:import|export)\s+(?!type\b)[^;]*?from\s+"[^"]*\/agent\/[^"]*";/gm;
  return [...sources].flatMap(([file, text]) => {
    if (topOf(file) !== "reconciler" || isTest(file)) return [];
    return [...text.matchAll(imports)].map(([found]) => `${file}: ${found.replaceAll(/\s+/g, " ")}`);
  });
}

/** The cycles among imports, one for each group of files that import each other: `a.ts → b.ts → a.ts`. */
export function findCycles(edges: readonly Edge[]): string[] {
  const next = Map.groupBy(edges, (edge) => edge.from);
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) cycles.push([...path.slice(start), file].join(" → "));
    if (start >= 0 || done.has(file)) return;
    for (const { to } of next.get(file) ?? []) visit(to, [...path, file]);
    done.add(file);
  };
  for (const file of next.keys()) visit(file, []);
  return cycles;
}

/** Files besides entries and tests that read the environment, exit, or handle signals; each as a sentence. */
export function findProcessWide(sources: Sources): string[] {
  return [...sources].filter(([path]) => !entries.includes(path) && !isTest(path)).flatMap(([path, text]) => {
    const code = withoutComments(text);
    const uses = processWide.map((pattern) => code.match(pattern)?.[0]).filter((use) => use !== undefined);
    return uses.map((use) => `${path} must not use ${use}: only main.ts does`);
  });
}

function isTest(path: string): boolean {
  return topOf(path) === "tests" || path.endsWith("_test.ts");
}

function topOf(path: string): string {
  return path.split("/", 1)[0] ?? path;
}

/** Source text without comments; texts stay. */
function withoutComments(text: string): string {
  return text.replace(new RegExp(`(${literal})|${comment}`, "g"), (_, kept?: string) => kept ?? " ");
}
