/**
 * One pass over the copies of a Replication that is being deleted: each is given up or deleted, what depends on others
 * first.
 *
 * @module
 */
import { MANAGED_BY, RELEASE_MANAGER, RELEASED_BY } from "../../crds/keys.ts";
import { replicationId } from "../../crds/replication_id.ts";
import { isKubeError } from "../../kube/errors.ts";
import { listAll } from "../../kube/list_all.ts";
import { groupResource, type KubeClient, type ObjectMeta, type ResourceType } from "../../kube/types.ts";
import { neverDeleted } from "../deletes.ts";
import { mirroredKind } from "../desired/kinds.ts";
import { readOrigin } from "../desired/ownership.ts";
import { controllerOf } from "../desired/owners.ts";
import { classify } from "../failure.ts";
import { keyOf } from "../memory.ts";

/** Copies worked on at once. */
const CONCURRENCY = 8;
/** Most texts of failures that are kept. */
const MAX_FAILURES = 5;

/** What becomes of the copies. */
export type TeardownPolicy = "Orphan" | "Delete";

/** Whose copies, and where. */
export interface TeardownTarget {
  readonly replicationId: string;
  readonly sourceNamespace: string;
  readonly destinationClusterId: string;
  readonly destinationNamespace: string;
}

/** What a pass needs. */
export interface PassPorts {
  readonly client: KubeClient;
  /** Kinds that the DR cluster serves. */
  readonly types: readonly ResourceType[];
  readonly signal: AbortSignal;
  /** Reads the fence, live; throws when it is not ours, or this process does not lead any more. */
  guard(): Promise<void>;
  /** A copy was given up or deleted. */
  written(operation: "release" | "delete", kind: string, name: string, resourceVersion: string): void;
}

/** What a pass found and did. */
export interface TeardownPass {
  /** Copies that were still ours when they were listed. */
  found: number;
  released: number;
  deleted: number;
  /** Looked at in vain: deleted but held by a finalizer of somebody else, or changed just now. */
  pending: string[];
  /** Kinds that the credential may not list: not looked at. */
  unlisted: string[];
  /** With our label, but without the proof that they are ours: left alone. */
  foreign: number;
  /** What failed: kind, name, why. */
  failures: string[];
}

/** Works through all kinds once. Throws when the DR cluster does not answer, and what the guard throws. */
export async function passOverCopies(
  policy: TeardownPolicy,
  target: TeardownTarget,
  ports: PassPorts,
): Promise<TeardownPass> {
  const pass: TeardownPass = { found: 0, released: 0, deleted: 0, pending: [], unlisted: [], foreign: 0, failures: [] };
  for (const types of reverseTiers(ports.types)) {
    for (const type of types) await new KindPass(type, policy, target, ports, pass).run();
    // What is left may still need what comes next: a custom resource its Secret, say.
    if (policy === "Delete" && pass.pending.length + pass.failures.length > 0) return pass;
  }
  return pass;
}

/** The kinds that may have copies, those that a full pass writes last first. */
export function reverseTiers(types: readonly ResourceType[]): ResourceType[][] {
  const tiers = new Map<number, ResourceType[]>();
  for (const type of types) {
    const decision = mirroredKind(type);
    if (decision.mirrored) tiers.set(decision.tier, [...(tiers.get(decision.tier) ?? []), type]);
  }
  return [...tiers].sort(([a], [b]) => b - a).map(([, members]) => members);
}

/** Whether label and origin together prove that it was written under our id, whichever cluster the source is in. */
export function isProvenCopy(meta: ObjectMeta, { replicationId: id, ...ends }: TeardownTarget): boolean {
  const origin = readOrigin(meta);
  return meta.labels?.[MANAGED_BY] === id && origin !== undefined && origin.namespace === ends.sourceNamespace &&
    origin.name === meta.name && replicationId({ ...ends, sourceClusterId: origin.cluster }) === id;
}

class KindPass {
  readonly #type: ResourceType;
  readonly #policy: TeardownPolicy;
  readonly #target: TeardownTarget;
  readonly #ports: PassPorts;
  readonly #pass: TeardownPass;

  constructor(
    type: ResourceType,
    policy: TeardownPolicy,
    target: TeardownTarget,
    ports: PassPorts,
    pass: TeardownPass,
  ) {
    this.#type = type;
    this.#policy = policy;
    this.#target = target;
    this.#ports = ports;
    this.#pass = pass;
  }

  async run(): Promise<void> {
    const { client, signal } = this.#ports;
    const query = {
      namespace: this.#target.destinationNamespace,
      labelSelector: `${MANAGED_BY}=${this.#target.replicationId}`,
      metadataOnly: true,
      signal,
    };
    try {
      for await (const page of listAll(client, this.#type, query, { firstLimit: 500 })) {
        await forEach(page.items.map(({ metadata }) => metadata), (copy) => this.#handle(copy));
      }
    } catch (error) {
      // Who may not list a kind has written none of it, or its rights were cut since.
      if (isKubeError(error, "Forbidden")) this.#pass.unlisted.push(groupResource(this.#type));
      else if (!isKubeError(error, "KindMissing")) this.#fail("*", error);
    }
  }

  async #handle(copy: ObjectMeta): Promise<void> {
    if (!isProvenCopy(copy, this.#target)) {
      this.#pass.foreign++;
      return;
    }
    this.#pass.found++;
    const isToDelete = this.#isToDelete(copy);
    try {
      if (!isToDelete) await this.#release(copy);
      else if (copy.deletionTimestamp === undefined) await this.#delete(copy);
      if (isToDelete && (copy.finalizers ?? []).length > 0) this.#pass.pending.push(keyOf(this.#type, copy.name));
    } catch (error) {
      if (isKubeError(error, "NotFound")) return;
      // Changed meanwhile: the next pass sees what it is now.
      if (!isKubeError(error, "Conflict")) this.#fail(copy.name, error);
      else this.#pass.pending.push(keyOf(this.#type, copy.name));
    }
  }

  /** What a controller of DR owns is its to delete. */
  #isToDelete(copy: ObjectMeta): boolean {
    return this.#policy === "Delete" && !neverDeleted(keyOf(this.#type, copy.name)) &&
      controllerOf(copy) === undefined && this.#type.verbs.includes("delete");
  }

  async #release({ name, uid, resourceVersion }: ObjectMeta): Promise<void> {
    const { client, signal, guard, written } = this.#ports;
    await guard();
    const metadata = {
      uid,
      resourceVersion,
      labels: { [MANAGED_BY]: null },
      annotations: { [RELEASED_BY]: this.#target.replicationId },
    };
    const options = { fieldManager: RELEASE_MANAGER, signal };
    const stored = await client.patch(this.#type, this.#ref(name), { type: "merge", body: { metadata } }, options);
    this.#pass.released++;
    written("release", groupResource(this.#type), name, stored.metadata.resourceVersion ?? "");
  }

  async #delete({ name, uid, resourceVersion }: ObjectMeta): Promise<void> {
    const { client, signal, guard, written } = this.#ports;
    await guard();
    await client.delete(this.#type, this.#ref(name), {
      uid,
      resourceVersion,
      propagationPolicy: "Background",
      signal,
    });
    this.#pass.deleted++;
    written("delete", groupResource(this.#type), name, resourceVersion ?? "");
  }

  #ref(name: string): { readonly namespace: string; readonly name: string } {
    return { namespace: this.#target.destinationNamespace, name };
  }

  /** A cluster that does not answer ends the pass; what it refuses does not keep the others. */
  #fail(name: string, error: unknown): void {
    if (!isKubeError(error) || isKubeError(error, "Aborted", "Unreachable", "Timeout")) throw error;
    const { message } = classify(error);
    if (this.#pass.failures.length < MAX_FAILURES) {
      this.#pass.failures.push(`${groupResource(this.#type)}/${name}: ${message}`);
    }
  }
}

/** Some at a time. After the first that throws none is begun, and none is under way when that is thrown. */
async function forEach<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const workers = Array.from({ length: CONCURRENCY }, async () => {
    try {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await act(item);
    } finally {
      queue.length = 0;
    }
  });
  for (const result of await Promise.allSettled(workers)) if (result.status === "rejected") throw result.reason;
}
