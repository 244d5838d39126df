/**
 * What goes on after the round: each change of the source's namespace, and when it was in DR.
 *
 * @module
 */
import { DESIRED_HASH, MANAGED_BY, ORPHANED_AT } from "../../crds/keys.ts";
import type { KubeObject } from "../../kube/types.ts";
import { desired } from "../../reconciler/desired/desired.ts";
import { NAMESPACE } from "./application.ts";
import { type Board, formatMs } from "./board.ts";
import { changedFields } from "./changed_fields.ts";
import { contextOf } from "./comparison.ts";
import { keyOf, Observer, type Sighting } from "./observer.ts";
import type { Stage } from "./stage.ts";

/** A change that is not in DR after this time is told as such; longer than the grace of a delete. */
const patienceMs = 5_000;

/** A change of the source that DR has not shown yet. */
interface Waiting {
  readonly title: string;
  readonly what: string;
  readonly atMs: number;
}

/** An object of the source, and the hash of what its copy should be. */
interface Known {
  readonly object: KubeObject;
  readonly hash: string;
}

/** Pairs changes at the watch of the source with changes at the watch of DR. */
export class Follower {
  readonly #source = new Map<string, Known>();
  readonly #copies = new Map<string, string>();
  readonly #waiting = new Map<string, Waiting>();

  /** @param tell called with an object's title, what changed, and what became of it */
  constructor(readonly tell: (title: string, what: string, outcome: string) => void) {}

  /** The source's watch showed a change. What makes no difference for a copy (a status) is passed over. */
  source(sighting: Sighting): void {
    const { type, change, object, atMs, initial } = sighting;
    const { key, title } = nameOf(sighting);
    const before = this.#source.get(key);
    const wanted = type.namespaced && change !== "Deleted" ? desired(object, contextOf(type, NAMESPACE)) : undefined;
    const after = wanted?.kind === "object" ? { object, hash: wanted.hash } : undefined;
    if (after === undefined) this.#source.delete(key);
    else this.#source.set(key, after);
    if (initial || before?.hash === after?.hash) return;
    const what = after === undefined
      ? "deleted"
      : before === undefined
      ? "created"
      : changedFields(before.object, object);
    // A change that waits keeps its time: what counts is since when DR has been behind.
    if (!this.#waiting.has(key)) this.#waiting.set(key, { title, what, atMs });
  }

  /** DR's watch showed a change. What DR makes on its own (EndpointSlices) is passed over. */
  dr(sighting: Sighting): void {
    const { type, change, object, atMs, initial } = sighting;
    if (type.namespaced && desired(object, contextOf(type, NAMESPACE)).kind === "skip") return;
    const { key, title } = nameOf(sighting);
    const before = this.#copies.get(key);
    const after = change === "Deleted" ? undefined : markOf(object);
    if (after === undefined) this.#copies.delete(key);
    else this.#copies.set(key, after);
    if (initial || before === after) return;
    const waiting = this.#waiting.get(key);
    const isOurs = object.metadata.labels?.[MANAGED_BY] !== undefined;
    if (waiting === undefined || !isOurs) {
      return this.tell(title, `${verbOf(before, after)} in DR`, byWhom(isOurs, after));
    }
    this.#waiting.delete(key);
    this.tell(title, waiting.what, formatMs(Math.max(0, atMs - waiting.atMs)));
  }

  /** Tells what has waited for too long. */
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
  board.tell(
    board.bold("What changes now, and when it is in DR (from the source's watch to DR's). Ctrl-C ends and cleans up."),
  );
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const timer = setInterval(() => follower.tellLate(performance.now()), 1_000);
  signal.addEventListener("abort", () => resolve(), { once: true });
  if (signal.aborted) resolve();
  await ended;
  clearInterval(timer);
}

/** What changes when dr-syncer writes a copy, and not when others do. */
function markOf({ metadata: { annotations, uid } }: KubeObject): string {
  return [uid, annotations?.[DESIRED_HASH], annotations?.[ORPHANED_AT]].join(" ");
}

function verbOf(before: string | undefined, after: string | undefined): string {
  if (after === undefined) return "deleted";
  return before === undefined ? "created" : "changed";
}

/** Who deleted a copy is not to be seen on it. */
function byWhom(isOurs: boolean, after: string | undefined): string {
  if (after === undefined) return "";
  return isOurs ? "by dr-syncer" : "not by dr-syncer";
}

function nameOf({ type, object }: Sighting) {
  const { name } = object.metadata;
  return { key: keyOf(type, name), title: `${type.kind} ${name}` };
}
