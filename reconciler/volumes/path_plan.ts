/**
 * Which paths the data of a volume may take, and in which order they are tried.
 *
 * @module
 */

/** All paths, the fastest first. */
export const PATHS = ["Direct", "Tunnel"] as const;
/** How data comes from the source's agent to DR's. */
export type VolumePath = (typeof PATHS)[number];
/** What a RemoteCluster asks for. */
export type PathChoice = "Auto" | VolumePath;

/** Faster paths that did not work are tried again after this long. */
const MEMORY_MS = 15 * 60_000;

/** What is known of a link. */
export interface KnownPath {
  /** The path that worked last, not the first of all. */
  readonly path: VolumePath;
  /** When faster ones were last tried in vain, in monotonic milliseconds. */
  readonly sinceMs: number;
}

/** What is to be tried. */
export interface PathPlan {
  /** In order. */
  readonly paths: readonly VolumePath[];
  /** Of these, what did not work lately: tried when nothing else works. */
  readonly dead: readonly VolumePath[];
}

/** Which paths are tried. */
export function planPaths(choice: PathChoice, known: KnownPath | undefined, nowMs: number): PathPlan {
  if (choice !== "Auto") return { paths: [choice], dead: [] };
  if (known === undefined || nowMs - known.sinceMs >= MEMORY_MS) return { paths: PATHS, dead: [] };
  const dead = PATHS.slice(0, PATHS.indexOf(known.path));
  return { paths: [...PATHS.slice(dead.length), ...dead], dead };
}

/** What is known of a link once `path` has worked and `dead` have not. */
export function learnPath(
  known: KnownPath | undefined,
  path: VolumePath,
  dead: ReadonlySet<VolumePath>,
  nowMs: number,
): KnownPath | undefined {
  const faster = PATHS.slice(0, PATHS.indexOf(path));
  if (faster.length === 0) return undefined;
  // Nothing new of the faster ones: what is known of them gets older.
  if (known?.path === path && !faster.every((one) => dead.has(one))) return known;
  return { path, sinceMs: nowMs };
}

/** What is known of all links to one cluster, by the id of the source cluster. It ends with the process. */
export class PathMemory {
  readonly #known = new Map<string, KnownPath>();

  get(sourceId: string): KnownPath | undefined {
    return this.#known.get(sourceId);
  }

  set(sourceId: string, known: KnownPath | undefined): void {
    if (known === undefined) this.#known.delete(sourceId);
    else this.#known.set(sourceId, known);
  }
}
