/**
 * Copies of kinds that the source does not serve any more: a definition was deleted there, an aggregated API is gone. Nothing tells
 * whether they are to go, so they stay, and are told.
 *
 * @module
 */
import { MANAGED_BY } from "../crds/keys.ts";
import { listAll } from "../kube/list_all.ts";
import { type Discovery, groupResource, type Reader, type ResourceType } from "../kube/types.ts";
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

/** What this needs. */
export interface LostKindsPorts {
  readonly target: Reader;
  readonly destinationNamespace: string;
  readonly replicationId: string;
  readonly signal: AbortSignal;
  /** Kinds of DR that are not followed and would be, if the source served them. */
  kinds(): readonly ResourceType[];
  changed(): void;
}

/** See the module. */
export class LostKinds {
  readonly #ports: LostKindsPorts;
  readonly #looks: LookLoop;
  #findings: readonly LostKind[] = [];

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
    const findings: LostKind[] = [];
    for (const type of kinds()) {
      const finding = await this.#find(type);
      if (finding !== undefined) findings.push(finding);
    }
    if (signal.aborted || JSON.stringify(findings) === JSON.stringify(this.#findings)) return;
    this.#findings = findings;
    changed();
  }

  async #find(type: ResourceType): Promise<LostKind | undefined> {
    const { target, destinationNamespace, replicationId, signal } = this.#ports;
    const name = groupResource(type);
    const labelSelector = `${MANAGED_BY}=${replicationId}`;
    const query = { namespace: destinationNamespace, labelSelector, metadataOnly: true, signal };
    let copies = 0;
    try {
      for await (const { items } of listAll(target, type, query, { firstLimit: 500 })) copies += items.length;
    } catch {
      // What cannot be read now is as it was.
      return this.#findings.find((finding) => finding.name === name);
    }
    if (copies === 0) return undefined;
    const message =
      `the source does not serve ${name} any more: nothing tells whether its copies in DR (${copies}) are ` +
      "to go, and they stay; serve it in the source again and they are compared, or delete them: kubectl delete " +
      `${name} -n ${destinationNamespace} -l ${labelSelector}`;
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
