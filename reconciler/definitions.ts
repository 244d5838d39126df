/**
 * Installs the definition of a custom resource that the DR cluster lacks (`spec.crds` other than `Never`).
 *
 * @module
 */
import { FIELD_MANAGER } from "../crds/keys.ts";
import { systemClock, waitFor } from "../kube/clock.ts";
import { isKubeError } from "../kube/errors.ts";
import type { KubeObject, Writer } from "../kube/types.ts";
import { DEFINITIONS } from "./builtin_types.ts";
import type { Cluster } from "./cluster.ts";
import { desiredCrd } from "./desired/crd.ts";
import type { MirroredKind } from "./kinds.ts";
import type { MirrorOptions } from "./mirror_context.ts";
import type { Outcome } from "./outcome.ts";

/** All of it together: whoever waits must not look stuck. */
const INSTALL_DEADLINE_MS = 120_000;
const ESTABLISHED_DEADLINE_MS = 15_000;
const LOOK_EVERY_MS = 50;

/** Ensures definitions, each once at a time. */
export class Definitions {
  readonly #source: Cluster;
  readonly #target: Cluster;
  readonly #options: Pick<MirrorOptions, "crds" | "trackingKeys">;
  readonly #writer: Writer;
  readonly #created: (name: string) => void;
  readonly #running = new Map<string, Promise<Outcome>>();

  /** `writer` writes to `target`; `created` is told of a definition that was. */
  constructor(
    source: Cluster,
    target: Cluster,
    options: Pick<MirrorOptions, "crds" | "trackingKeys">,
    writer: Writer,
    created: (name: string) => void,
  ) {
    this.#source = source;
    this.#target = target;
    this.#writer = writer;
    this.#options = options;
    this.#created = created;
  }

  /** Makes the DR cluster serve the kind, or answers why it does not. Throws `KubeError`. */
  ensure(kind: MirroredKind, signal: AbortSignal): Promise<Outcome> {
    let running = this.#running.get(kind.name);
    if (running === undefined) {
      running = this.#install(kind, AbortSignal.any([signal, AbortSignal.timeout(INSTALL_DEADLINE_MS)])).finally(() =>
        this.#running.delete(kind.name)
      );
      this.#running.set(kind.name, running);
    }
    return running;
  }

  async #install(kind: MirroredKind, signal: AbortSignal): Promise<Outcome> {
    await this.#look(kind, signal);
    if (serves(this.#target, kind)) {
      if (this.#sharesVersion(kind)) return retryNow();
      return missing(`both clusters serve ${kind.name}, but at no version that is the same`);
    }
    if (this.#options.crds === "Never") {
      return missing(`the DR cluster does not serve ${kind.name}, and spec.crds is Never`);
    }
    const definition = await this.#readDefinition(kind, signal);
    if (definition === undefined) return missing(`the DR cluster does not serve ${kind.name}, and it is not a CRD`);
    await this.#create(definition, signal);
    if (!await this.#established(definition.metadata.name, signal)) {
      return missing(`the CRD ${definition.metadata.name} was created in DR but is not Established yet`);
    }
    if (!await this.#served(kind, signal)) {
      return missing(`the CRD ${definition.metadata.name} was created in DR but is not served yet`);
    }
    return retryNow();
  }

  async #look({ name }: MirroredKind, signal: AbortSignal): Promise<void> {
    await this.#target.lookAgain(new Set([name]), signal);
  }

  #sharesVersion({ name }: MirroredKind): boolean {
    const served = this.#target.catalogue?.discovery.versions.get(name) ?? [];
    const offered = this.#source.catalogue?.discovery.versions.get(name) ?? [];
    return served.some((version) => offered.includes(version));
  }

  async #readDefinition(kind: MirroredKind, signal: AbortSignal): Promise<KubeObject | undefined> {
    try {
      return await this.#source.client.get(DEFINITIONS, { name: kind.name }, { signal });
    } catch (error) {
      if (isKubeError(error, "NotFound")) return undefined;
      throw error;
    }
  }

  async #create(source: KubeObject, signal: AbortSignal): Promise<void> {
    const wanted = desiredCrd(source, this.#source.clusterId, this.#options.trackingKeys);
    const body = { ...wanted, metadata: { ...wanted.metadata, resourceVersion: "1" } };
    try {
      await this.#writer.apply(DEFINITIONS, body, { fieldManager: FIELD_MANAGER, signal });
      this.#created(source.metadata.name);
    } catch (error) {
      if (!isKubeError(error, "Conflict", "AlreadyExists")) throw error;
    }
  }

  async #established(name: string, signal: AbortSignal): Promise<boolean> {
    const deadline = performance.now() + ESTABLISHED_DEADLINE_MS;
    while (performance.now() < deadline && !signal.aborted) {
      const definition = await this.#target.client.get(DEFINITIONS, { name }, { signal });
      const status = definition.status as { conditions?: { type: string; status: string }[] } | undefined;
      if (status?.conditions?.some((c) => c.type === "Established" && c.status === "True")) return true;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
    return false;
  }

  /** Discovery shows it a moment after it is Established. */
  async #served(kind: MirroredKind, signal: AbortSignal): Promise<boolean> {
    const deadline = performance.now() + ESTABLISHED_DEADLINE_MS;
    for (let waitMs = LOOK_EVERY_MS; performance.now() < deadline && !signal.aborted; waitMs *= 2) {
      await this.#look(kind, signal);
      if (serves(this.#target, kind)) return true;
      await waitFor(systemClock, waitMs, signal);
    }
    return false;
  }
}

function serves(target: Cluster, kind: MirroredKind): boolean {
  return target.catalogue?.discovery.versions.has(kind.name) ?? false;
}

function retryNow(): Outcome {
  return { type: "Waiting", retryInMs: 0, why: "the kind is served now" };
}

function missing(message: string): Outcome {
  return { type: "Failed", failure: { failureClass: "KindMissing", message } };
}
