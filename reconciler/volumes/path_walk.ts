/**
 * What is tried next when a way to the source does not work, or breaks in the middle of a pass.
 *
 * @module
 */
import type { Address } from "./agent_manifests.ts";
import type { VolumePath } from "./path_plan.ts";

/** One way to the source. */
export type Route =
  | { readonly path: "Direct"; readonly address: Address }
  | { readonly path: "Tunnel" };

/** A node's port may not be open yet when its Pod is ready: an address that refuses is asked again for this long. */
const PATIENCE_MS = 6_000;
/** Each route is given up after this many attempts over which nothing came. */
const ROUNDS = 2;
/** Attempts of one pass, however far each of them gets. */
const MAX_ATTEMPTS = 50;

/** Where a pass is among its routes. */
export interface Walk {
  readonly routes: readonly Route[];
  /** Index of the route to be tried. */
  readonly at: number;
  /** When it came to that route. */
  readonly arrivedMs: number;
  /** Indexes of routes over which nothing came in this round. */
  readonly dead: ReadonlySet<number>;
  /** Rounds in which nothing came over any route. */
  readonly rounds: number;
  /** How often in a row the route broke while data came over it. */
  readonly breaks: number;
  readonly attempts: number;
}

/** All routes of some paths, in their order. */
export function routesOf(paths: readonly VolumePath[], addresses: readonly Address[]): Route[] {
  return paths.flatMap((path): Route[] => {
    return path === "Direct" ? addresses.map((address) => ({ path, address })) : [{ path }];
  });
}

/** Begins with the first route; those of `deadPaths` come only when nothing else works. */
export function beginWalk(routes: readonly Route[], deadPaths: readonly VolumePath[], nowMs: number): Walk {
  const dead = new Set([...routes.keys()].filter((index) => deadPaths.some((path) => routes[index]?.path === path)));
  return { routes, at: 0, arrivedMs: nowMs, dead, rounds: 0, breaks: 0, attempts: 0 };
}

/** The route to be tried; undefined when there is none. */
export function currentRoute({ routes, at }: Walk): Route | undefined {
  return routes[at];
}

/** After an attempt that failed on the way; `moved` when the source had been reached. Undefined: nothing is left to be tried. */
export function nextStep(walk: Walk, moved: boolean, nowMs: number): Walk | undefined {
  const attempts = walk.attempts + 1;
  if (attempts >= MAX_ATTEMPTS) return undefined;
  return moved ? afterBreak({ ...walk, attempts }, nowMs) : afterSilence({ ...walk, attempts }, nowMs);
}

/** What has just worked is the likeliest to work again; what breaks twice may not bear what is sent over it. */
function afterBreak(walk: Walk, nowMs: number): Walk {
  const { at, breaks } = walk;
  const next = breaks % 2 === 0 ? at : nextAlive(walk) ?? at;
  return { ...walk, at: next, arrivedMs: nowMs, rounds: 0, breaks: next === at ? breaks + 1 : 0 };
}

function afterSilence(walk: Walk, nowMs: number): Walk | undefined {
  const { routes, at, arrivedMs, rounds } = walk;
  if (routes[at]?.path === "Direct" && rounds === 0 && nowMs - arrivedMs < PATIENCE_MS) return walk;
  const dead = new Set([...walk.dead, at]);
  const arrived = { ...walk, arrivedMs: nowMs, breaks: 0 };
  const next = nextAlive({ ...walk, dead });
  if (next !== undefined) return { ...arrived, dead, at: next };
  if (rounds + 1 >= ROUNDS) return undefined;
  return { ...arrived, dead: new Set(), at: (at + 1) % routes.length, rounds: rounds + 1 };
}

/** The next route, in a circle, over which something may come; the last one asked is the current one itself. */
function nextAlive({ routes, at, dead }: Walk): number | undefined {
  const circle = routes.map((_, step) => (at + 1 + step) % routes.length);
  return circle.find((index) => !dead.has(index));
}
