/**
 * Names of the classes that a cluster has.
 *
 * @module
 */
import { listAll } from "../kube/list_all.ts";
import type { Call, Reader, ResourceType } from "../kube/types.ts";
import { INGRESS_CLASSES, PRIORITY_CLASSES, RUNTIME_CLASSES, STORAGE_CLASSES } from "./builtin_types.ts";
import { CLASS_KINDS, type ClassKind } from "./desired/classes.ts";
import { classify, type Failure } from "./failure.ts";
import { SharedRead } from "./shared_read.ts";

const CALL_DEADLINE_MS = 10_000;

const TYPES: Readonly<Record<ClassKind, ResourceType>> = {
  StorageClass: STORAGE_CLASSES,
  IngressClass: INGRESS_CLASSES,
  PriorityClass: PRIORITY_CLASSES,
  RuntimeClass: RUNTIME_CLASSES,
};

/** Kinds of classes as resources, for permissions. */
export const CLASS_TYPES: readonly ResourceType[] = Object.values(TYPES);

/** Names of one kind, or why they are not known. */
export type ClassList = ReadonlySet<string> | Failure;

/** The classes of one cluster, as of the last reading. */
export class ClassNames {
  readonly #reader: Pick<Reader, "list">;
  #lists: ReadonlyMap<ClassKind, ClassList> = new Map();
  readonly #reading: SharedRead<void>;

  constructor(reader: Pick<Reader, "list">) {
    this.#reader = reader;
    this.#reading = new SharedRead((signal) => this.#read({ signal, deadlineMs: CALL_DEADLINE_MS }));
  }

  /** Undefined before the first reading. */
  get(kind: ClassKind): ClassList | undefined {
    return this.#lists.get(kind);
  }

  /** Reads them all, metadata only; calls at the same time share one reading. Never fails. */
  async refresh(signal: AbortSignal): Promise<void> {
    // Who left hears nothing; the lists tell of their own failures.
    await this.#reading.get(signal).catch(() => {});
  }

  async #read(call: Call): Promise<void> {
    const lists = await Promise.all(
      CLASS_KINDS.map(async (kind) => [kind, await this.#list(TYPES[kind], call)] as const),
    );
    if (call.signal?.aborted !== true) this.#lists = new Map(lists);
  }

  async #list(type: ResourceType, call: Call): Promise<ClassList> {
    const names = new Set<string>();
    try {
      for await (const { items } of listAll(this.#reader, type, { metadataOnly: true, ...call }, { firstLimit: 500 })) {
        for (const { metadata } of items) names.add(metadata.name);
      }
      return names;
    } catch (error) {
      return classify(error);
    }
  }
}
