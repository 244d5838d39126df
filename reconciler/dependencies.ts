/**
 * What copies need of the DR cluster and mirroring does not bring: classes.
 *
 * @module
 */
import type { ClassList, ClassNames } from "./classes.ts";
import type { ClassKind, ClassName } from "./desired/classes.ts";

/** A class that copies name and the DR cluster lacks. */
export interface MissingClass {
  /** `StorageClass fast`. */
  readonly name: string;
  /** Keys of the copies that name it (`persistentvolumeclaims/data`). */
  readonly users: readonly string[];
}

/** What is known of the classes that copies name. */
export interface DependencyFacts {
  readonly missing: readonly MissingClass[];
  /** Why the classes of some kind that copies name are not known. */
  readonly unreadable?: string;
}

/** Compares what copies name with what there is; a kind that was not read yet is not judged. */
export function findMissing(
  copies: Iterable<readonly [string, readonly ClassName[]]>,
  lists: (kind: ClassKind) => ClassList | undefined,
): DependencyFacts {
  const users = new Map<ClassName, string[]>();
  for (const [key, classes] of copies) {
    for (const name of classes) {
      const keys = users.get(name);
      if (keys === undefined) users.set(name, [key]);
      else keys.push(key);
    }
  }
  const missing: MissingClass[] = [];
  let unreadable: string | undefined;
  for (const [reference, keys] of users) {
    const { kind, name } = parse(reference);
    const list = lists(kind);
    if (list === undefined) continue;
    if ("failureClass" in list) unreadable ??= list.message;
    else if (!list.has(name)) missing.push({ name: `${kind} ${name}`, users: keys });
  }
  missing.sort((a, b) => a.name < b.name ? -1 : 1);
  return { missing, ...(unreadable === undefined ? {} : { unreadable }) };
}

/** What this needs. */
export interface DependencyPorts {
  readonly classes: ClassNames;
  readonly signal: AbortSignal;
  /** The classes that each copy names, by its key. */
  users(): Iterable<readonly [string, readonly ClassName[]]>;
  /** Every class that some copy has named so far. */
  named(): ReadonlySet<ClassName>;
  changed(): void;
}

/** Reads the classes of DR when that may change what is missing. */
export class Dependencies {
  readonly #ports: DependencyPorts;
  /** How many classes were named at the last look. */
  #named = 0;
  #pass: unknown;

  constructor(ports: DependencyPorts) {
    this.#ports = ports;
  }

  get facts(): DependencyFacts {
    return findMissing(this.#ports.users(), (kind) => this.#ports.classes.get(kind));
  }

  /** Copies have changed, or a full pass has ended (`pass` is another one): reads anew where that may matter. */
  changed(pass: unknown): void {
    const named = this.#ports.named();
    const isNew = named.size !== this.#named && [...named].some((reference) => !this.#has(reference));
    this.#named = named.size;
    const isNextPass = pass !== this.#pass && named.size > 0;
    this.#pass = pass;
    if (isNew || isNextPass) this.#refresh();
  }

  /** Time has passed: what is missing may have come. */
  tick(): void {
    const { missing, unreadable } = this.facts;
    if (missing.length > 0 || unreadable !== undefined) this.#refresh();
  }

  #has(reference: ClassName): boolean {
    const { kind, name } = parse(reference);
    const list = this.#ports.classes.get(kind);
    return list !== undefined && !("failureClass" in list) && list.has(name);
  }

  #refresh(): void {
    const { classes, signal, changed } = this.#ports;
    void classes.refresh(signal).then(() => signal.aborted || changed());
  }
}

function parse(reference: ClassName): { readonly kind: ClassKind; readonly name: string } {
  const slash = reference.indexOf("/");
  return { kind: reference.slice(0, slash) as ClassKind, name: reference.slice(slash + 1) };
}
