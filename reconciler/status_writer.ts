/**
 * Writes a status when it has changed: at most one write in 5 s, proof of life once a minute.
 *
 * @module
 */
import type { KubeClient, KubeObject, ResourceType } from "../kube/types.ts";
import { FIELD_MANAGER } from "../crds/keys.ts";
import { isKubeError } from "../kube/errors.ts";
import type { Clock } from "./clock.ts";

const MIN_INTERVAL_MS = 5_000;
const PROOF_OF_LIFE_MS = 60_000;
/** A change of these alone is proof of life, not news. */
const SLOW_FIELDS: ReadonlySet<string> = new Set(["syncedUpTo"]);

/** What a status writer needs. */
export interface StatusWriterPorts<S extends object> {
  readonly client: KubeClient;
  readonly type: ResourceType;
  readonly namespace: string;
  readonly name: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Works out the status as it should be now, and the object it belongs to. */
  compute(): { object: KubeObject; status: S } | undefined;
  /** A status was written. */
  written(before: S | undefined, after: S, object: KubeObject): void;
  failed(error: unknown): void;
}

/** Writes the status of one object. */
export class StatusWriter<S extends object> {
  readonly #ports: StatusWriterPorts<S>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #dueMs = Infinity;
  #lastWriteMs = -Infinity;
  #last: S | undefined;
  #writing: Promise<boolean> = Promise.resolve(true);

  constructor(ports: StatusWriterPorts<S>) {
    this.#ports = ports;
    ports.signal.addEventListener("abort", () => clearTimeout(this.#timer), { once: true });
  }

  /** The status as last written; undefined before the first write. */
  get last(): S | undefined {
    return this.#last;
  }

  /** Something that the status shows may have changed. Cheap: called for every object. */
  changed(): void {
    this.#arm(Math.max(0, this.#lastWriteMs + MIN_INTERVAL_MS - this.#ports.clock.monotonicMs()) + 20);
  }

  /** Writes now if it differs, whatever the interval. Throws when it could not be written. */
  async flush(): Promise<void> {
    if (!await this.#write(true)) throw new Error("Cannot write the status");
  }

  #arm(delayMs: number): void {
    const dueMs = this.#ports.clock.monotonicMs() + delayMs;
    if (dueMs >= this.#dueMs || this.#ports.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => {
      this.#dueMs = Infinity;
      void this.#write(false);
    }, delayMs);
  }

  #write(now: boolean): Promise<boolean> {
    this.#writing = this.#writing.then(() => this.#writeOnce(now));
    return this.#writing;
  }

  /** Whether the status is on the server as it should be, or is none of our business any more. */
  async #writeOnce(now: boolean): Promise<boolean> {
    const { clock, signal } = this.#ports;
    if (signal.aborted) return false;
    try {
      const computed = this.#ports.compute();
      if (computed === undefined) return true;
      const { object, status } = computed;
      const known = this.#last ?? object.status as S | undefined;
      const difference = differs(known, status);
      const restMs = this.#lastWriteMs + PROOF_OF_LIFE_MS - clock.monotonicMs();
      this.#arm(restMs > 0 ? restMs : PROOF_OF_LIFE_MS);
      if (difference === "same" || (difference === "slow" && !now && restMs > 0)) return true;
      this.#lastWriteMs = clock.monotonicMs();
      await this.#patch(object, known, status);
      this.#last = status;
      this.#ports.written(known, status, object);
      return true;
    } catch (error) {
      // Gone: none of our business any more, but whoever waits for it to be written must know that it is not.
      if (isKubeError(error, "NotFound")) return !now;
      this.#lastWriteMs = clock.monotonicMs();
      this.#ports.failed(error);
      this.changed();
      return false;
    }
  }

  /** A merge patch: absent fields are named as null, lists are replaced as a whole. */
  async #patch(object: KubeObject, before: S | undefined, status: S): Promise<void> {
    const { client, type, namespace, name, signal } = this.#ports;
    const gone = Object.fromEntries(Object.keys({ ...object.status as object, ...before }).map((key) => [key, null]));
    const defined = Object.fromEntries(Object.entries(status).filter(([, value]) => value !== undefined));
    const body = { metadata: { uid: object.metadata.uid }, status: { ...gone, ...defined } };
    const options = { subresource: "status", fieldManager: FIELD_MANAGER, signal };
    await client.patch(type, { namespace, name }, { type: "merge", body }, options);
  }
}

function differs(before: object | undefined, after: object): "same" | "slow" | "news" {
  const old = (before ?? {}) as Record<string, unknown>;
  const next = after as Record<string, unknown>;
  let result: "same" | "slow" = "same";
  for (const key of new Set([...Object.keys(old), ...Object.keys(next)])) {
    if (JSON.stringify(old[key]) === JSON.stringify(next[key])) continue;
    if (!SLOW_FIELDS.has(key)) return "news";
    result = "slow";
  }
  return result;
}
