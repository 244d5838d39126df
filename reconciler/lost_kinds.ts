/**
 * Copies of kinds that the source does not serve any more: a definition was deleted there, an aggregated API is gone. Nothing tells
 * whether they are to go, so they stay, and are told.
 *
 * @module
 */
import { MANAGED_BY } from "../crds/keys.ts";
import { type Discovery, groupResource, type ResourceType } from "../kube/types.ts";
import type { Clock } from "./clock.ts";
import type { CopyCounts } from "./copy_counts.ts";
import { mirroredKind } from "./desired/kinds.ts";
import { LookLoop } from "./look_loop.ts";

/** Copies of one kind. */
export interface LostKind {
  /** `widgets.example.com`. */
  readonly name: string;
  readonly copies: number;
  /** What is the matter, and what a person can do. */
  readonly message: string;
}

/** How old a count may be of a kind that had no copies, and of one that had: somebody may be about to delete them. */
const NONE_MS = 300_000;
const SOME_MS = 10_000;

/** What this needs. */
export interface LostKindsPorts {
  /** Of the DR cluster. */
  readonly counts: Pick<CopyCounts, "count">;
  readonly destinationNamespace: string;
  readonly replicationId: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Kinds of DR that are not followed and would be, if the source served them; undefined while that is not known. */
  kinds(): readonly ResourceType[] | undefined;
  changed(): void;
}

/** See the module. */
export class LostKinds {
  readonly #ports: LostKindsPorts;
  readonly #looks: LookLoop;
  #findings: readonly LostKind[] = [];
  /** Since when kinds are DR's alone, as far as was looked (monotonic): copies were written until then. */
  #aloneSinceMs: ReadonlyMap<string, number> | undefined;

  constructor(ports: LostKindsPorts) {
    this.#ports = ports;
    this.#looks = new LookLoop({ signal: ports.signal, look: () => this.#lookOnce() });
  }

  get findings(): readonly LostKind[] {
    return this.#findings;
  }

  /** Looks when a full pass has ended since (`pass` is another one). */
  passed(pass: unknown): void {
    this.#looks.passed(pass);
  }

  /** Time has passed: somebody may have deleted what was found. */
  tick(): void {
    if (this.#findings.length > 0) this.look();
  }

  /** Counts the copies of every such kind, soon. */
  look(): void {
    void this.#looks.ask();
  }

  async #lookOnce(): Promise<void> {
    const { signal, kinds, changed } = this.#ports;
    // Whoever follows the kinds may be told of a change after us.
    await Promise.resolve();
    const types = kinds();
    if (types === undefined) return;
    const since = this.#noteAlone(types.map(groupResource));
    const findings: LostKind[] = [];
    for (const type of types) {
      const finding = await this.#find(type, since.get(groupResource(type)) ?? 0);
      if (finding !== undefined) findings.push(finding);
    }
    if (signal.aborted || JSON.stringify(findings) === JSON.stringify(this.#findings)) return;
    this.#findings = findings;
    changed();
  }

  /** Since when a count of each of these kinds must have begun to tell of it. */
  #noteAlone(names: readonly string[]): Map<string, number> {
    const nowMs = this.#ports.clock.monotonicMs();
    const before = this.#aloneSinceMs;
    const aloneSinceMs = new Map(names.map((name) => [name, before === undefined ? 0 : before.get(name) ?? nowMs]));
    this.#aloneSinceMs = aloneSinceMs;
    const found = new Set(this.#findings.map(({ name }) => name));
    const oldestMs = (name: string) => nowMs - (found.has(name) ? SOME_MS : NONE_MS);
    return new Map([...aloneSinceMs].map(([name, sinceMs]) => [name, Math.max(sinceMs, oldestMs(name))]));
  }

  async #find(type: ResourceType, sinceMs: number): Promise<LostKind | undefined> {
    const { counts, destinationNamespace, replicationId, signal } = this.#ports;
    const name = groupResource(type);
    let copies: number;
    try {
      copies = await counts.count(type, { destinationNamespace, replicationId }, sinceMs, signal);
    } catch {
      // What cannot be read now is as it was.
      return this.#findings.find((finding) => finding.name === name);
    }
    if (copies === 0) return undefined;
    const message =
      `the source does not serve ${name} any more: nothing tells whether its copies in DR (${copies}) are ` +
      "to go, and they stay; serve it in the source again and they are compared, or delete them: kubectl delete " +
      `${name} -n ${destinationNamespace} -l ${MANAGED_BY}=${replicationId}`;
    return { name, copies, message };
  }
}

/** Kinds that DR serves and that are not followed, but for those of which it is not known whether the source serves them. */
export function kindsOfDrAlone(
  target: Discovery,
  followed: ReadonlySet<string>,
  unknownGroups: readonly string[],
): ResourceType[] {
  return target.types.filter((type) =>
    mirroredKind(type).mirrored && !followed.has(groupResource(type)) && !unknownGroups.includes(type.group)
  );
}
