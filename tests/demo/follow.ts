/**
 * What goes on after the round: each change of the source's namespace, and when it was in DR.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import { DESIRED_HASH, ORPHANED_AT } from "../../crds/keys.ts";
import type { KubeObject } from "../../kube/types.ts";
import { NAMESPACE } from "./application.ts";
import { type Board, formatMs } from "./board.ts";
import { keyOf, Observer, type Sighting } from "./observer.ts";
import type { Stage } from "./stage.ts";

/** A change that is not in DR after this time is told as such. */
const patienceMs = 5_000;

/** A change of the source that DR has not shown yet. */
interface Waiting {
  readonly title: string;
  readonly what: string;
  readonly atMs: number;
}

/** Pairs changes at the watch of the source with changes at the watch of DR. */
export class Follower {
  readonly #source = new Map<string, KubeObject>();
  readonly #hashes = new Map<string, string | undefined>();
  readonly #waiting = new Map<string, Waiting>();

  /** @param tell called with a title, what changed, and what became of it */
  constructor(readonly tell: (title: string, what: string, outcome: string) => void) {}

  /** The source's watch showed a change. */
  source(sighting: Sighting): void {
    const { key, title, object, atMs } = read(sighting);
    const before = this.#source.get(key);
    if (sighting.change === "Deleted") this.#source.delete(key);
    else this.#source.set(key, object);
    if (sighting.initial) return;
    const what = sighting.change === "Deleted"
      ? "deleted"
      : before === undefined
      ? "created"
      : changedFields(before, object);
    // A write that waits keeps its time: what counts is since when DR has been behind.
    if (what !== "") this.#waiting.set(key, { title, what, atMs: this.#waiting.get(key)?.atMs ?? atMs });
  }

  /** DR's watch showed a change. */
  dr(sighting: Sighting): void {
    const { key, title, object, atMs } = read(sighting);
    const isGone = sighting.change === "Deleted";
    const known = this.#hashes.has(key);
    const hash = isGone ? undefined : markOf(object);
    const isNews = isGone ? known : !known || this.#hashes.get(key) !== hash;
    if (isGone) this.#hashes.delete(key);
    else this.#hashes.set(key, hash);
    if (sighting.initial || !isNews) return;
    const waiting = this.#waiting.get(key);
    this.#waiting.delete(key);
    if (waiting !== undefined) {
      return this.tell(waiting.title, waiting.what, formatMs(Math.max(0, atMs - waiting.atMs)));
    }
    this.tell(title, isGone ? "deleted in DR" : known ? "changed in DR" : "created in DR", "");
  }

  /** Tells what has waited for too long; deletes have their grace. */
  tellLate(nowMs: number): void {
    for (const [key, { title, what, atMs }] of this.#waiting) {
      if (nowMs - atMs < patienceMs) continue;
      this.#waiting.delete(key);
      this.tell(title, what, "not in DR: see src describe replication shop -n dr-syncer-system");
    }
  }
}

/** Follows both clusters until the signal is aborted. */
export async function followChanges(stage: Stage, board: Board, signal: AbortSignal): Promise<void> {
  const follower = new Follower((title, what, outcome) => {
    const time = new Date().toLocaleTimeString("en-GB");
    board.tell(`  ${board.dim(time)}  ${title.padEnd(38)}${what.padEnd(34)} ${outcome}`.trimEnd());
  });
  await using source = new Observer(stage.source.client, NAMESPACE, (sighting) => follower.source(sighting));
  await using dr = new Observer(stage.dr.client, NAMESPACE, (sighting) => follower.dr(sighting));
  await Promise.all([source.start(), dr.start()]);
  board.tell();
  board.tell(board.bold("What changes now, and when it was in DR (from the source's watch to DR's). Ctrl-C ends."));
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const timer = setInterval(() => follower.tellLate(performance.now()), 1_000);
  if (signal.aborted) resolve();
  signal.addEventListener("abort", () => resolve(), { once: true });
  await ended;
  clearInterval(timer);
}

/** What tells a change of a copy by dr-syncer from one by others. */
function markOf({ metadata: { annotations, uid } }: KubeObject): string {
  return [uid, annotations?.[DESIRED_HASH], annotations?.[ORPHANED_AT]].join(" ");
}

function read({ type, object, atMs }: Sighting) {
  const { name } = object.metadata;
  return { key: keyOf(type, name), title: `${type.kind} ${name}`, object, atMs };
}

/** Names of the fields that differ, at most three: no values. Empty for what a mirror does not look at. */
export function changedFields(before: KubeObject, after: KubeObject): string {
  const changed: string[] = [];
  for (const [name, one, other] of fieldsOf(before, after)) if (!isDeepStrictEqual(one, other)) changed.push(name);
  return changed.length > 3 ? `${changed.slice(0, 3).join(", ")}, …` : changed.join(", ");
}

function fieldsOf(before: KubeObject, after: KubeObject): [string, unknown, unknown][] {
  const sides = [before, after].map(({ metadata, status: _, ...rest }) => {
    const fields: Record<string, unknown> = { labels: metadata.labels, annotations: metadata.annotations };
    for (const [name, value] of Object.entries(rest)) {
      const isOpen = name === "spec" && typeof value === "object" && value !== null;
      if (!isOpen) fields[name] = value;
      else for (const [inner, part] of Object.entries(value)) fields[`spec.${inner}`] = part;
    }
    return fields;
  }) as [Record<string, unknown>, Record<string, unknown>];
  const names = new Set(sides.flatMap((side) => Object.keys(side)));
  return [...names].map((name) => [name, sides[0][name], sides[1][name]]);
}
