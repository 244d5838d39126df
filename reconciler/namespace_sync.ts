/**
 * Keeps labels and annotations of the DR Namespace as the source's has them: Pod Security is among them, without which Pods may
 * not start after a failover. One that was there before is left as it is, unless it may be adopted.
 *
 * @module
 */
import { FIELD_MANAGER } from "../crds/keys.ts";
import { isKubeError } from "../kube/errors.ts";
import type { KubeClient, KubeObject } from "../kube/types.ts";
import { NAMESPACES } from "./builtin_types.ts";
import { classify, remedyOf } from "./failure.ts";
import type { Finding } from "./finding.ts";
import { LookLoop } from "./look_loop.ts";
import type { MirrorIdentity, MirrorOptions } from "./mirror_context.ts";
import { leftKeys, type NamespaceStep, namespaceStep } from "./namespace_step.ts";
import { wantedNamespace } from "./source_namespace.ts";
import type { WatchHub } from "./watch_hub.ts";

/** What this needs. */
export interface NamespaceSyncPorts {
  readonly source: KubeClient;
  readonly target: KubeClient;
  readonly identity: MirrorIdentity;
  readonly options: Pick<MirrorOptions, "conflictPolicy" | "driftPolicy" | "trackingKeys">;
  readonly signal: AbortSignal;
  /** Whether the fence is ours and this process leads, at this moment. */
  mayWrite(): boolean;
  /** Reads the fence live. */
  recheckFence(): Promise<unknown>;
  audit(operation: string, name: string, resourceVersion: string): void;
  changed(): void;
}

/** Writes that meet somebody else's are tried this often. */
const MAX_LOOKS = 3;

/** See the module. */
export class NamespaceSync {
  readonly #ports: NamespaceSyncPorts;
  readonly #looks: LookLoop;
  #finding: Finding | undefined;

  constructor(ports: NamespaceSyncPorts) {
    this.#ports = ports;
    this.#looks = new LookLoop({ signal: ports.signal, look: () => this.#lookOnce() });
  }

  /** What is worth telling. */
  get findings(): readonly Finding[] {
    return this.#finding === undefined ? [] : [this.#finding];
  }

  /** Follows the source's Namespace from now on; answers how to stop. All Replications share one watch of all Namespaces. */
  follow(watches: WatchHub): () => void {
    const name = this.#ports.identity.sourceNamespace;
    const subscription = watches.subscribe(NAMESPACES, "", {
      live: () => void this.look(),
      event: ({ object }) => void (object.metadata.name === name && this.look()),
      disconnected: () => {},
    });
    return () => subscription.close();
  }

  /** Looks when a full pass has ended since (`pass` is another one). */
  passed(pass: unknown): void {
    this.#looks.passed(pass);
  }

  /** Time has passed: what kept it from being written may be gone. */
  tick(): void {
    if (this.#finding !== undefined) void this.look();
  }

  /** Compares, soon; a call meanwhile asks for one more after it. Never rejects but for a programming error. */
  look(): Promise<void> {
    return this.#looks.ask();
  }

  async #lookOnce(): Promise<void> {
    const finding = await this.#sync();
    if (JSON.stringify(finding) === JSON.stringify(this.#finding)) return;
    this.#finding = finding;
    this.#ports.changed();
  }

  async #sync(): Promise<Finding | undefined> {
    const about = { kind: "Namespace", name: this.#ports.identity.destinationNamespace };
    try {
      const step = await this.#try();
      if (step.type !== "Leave") return undefined;
      return { ...about, isFailure: false, reason: step.reason, message: step.message };
    } catch (error) {
      const failure = classify(error);
      const message = `${failure.message}; ${remedyOf(failure)}`;
      return { ...about, isFailure: true, reason: failure.failureClass, message };
    }
  }

  /** Throws `KubeError`. */
  async #try(): Promise<NamespaceStep> {
    const { source, target, identity, options, signal, mayWrite, recheckFence } = this.#ports;
    for (let look = 1;; look++) {
      const [theirs, live] = await Promise.all([
        readNamespace(source, identity.sourceNamespace, signal),
        readNamespace(target, identity.destinationNamespace, signal),
      ]);
      // One that goes is no example.
      if (theirs === undefined || theirs.metadata.deletionTimestamp !== undefined || live === undefined) {
        return { type: "Nothing" };
      }
      const wanted = wantedNamespace(theirs, identity, options.trackingKeys);
      const step = namespaceStep(live, wanted, identity, options);
      if (step.type !== "Write") return step;
      // Nothing in an activated Namespace says so but the Lease.
      await recheckFence();
      if (!mayWrite()) return { type: "Nothing" };
      try {
        await this.#write(live, wanted, step.operation);
        return step;
      } catch (error) {
        if (!isKubeError(error, "Conflict") || look >= MAX_LOOKS) throw error;
      }
    }
  }

  async #write(live: KubeObject, wanted: KubeObject, operation: string): Promise<void> {
    const { target, signal, audit } = this.#ports;
    const { uid, resourceVersion, name } = live.metadata;
    const body = { ...wanted, metadata: { ...wanted.metadata, uid, resourceVersion } };
    const stored = await target.apply(NAMESPACES, body, { fieldManager: FIELD_MANAGER, signal });
    audit(operation, name, stored.metadata.resourceVersion ?? "");
    const left = leftKeys(live, wanted, stored);
    if (left.labels.length + left.annotations.length === 0) return;
    const metadata = {
      uid,
      resourceVersion: stored.metadata.resourceVersion,
      labels: nulls(left.labels),
      annotations: nulls(left.annotations),
    };
    const patched = await target.patch(NAMESPACES, { name }, { type: "merge", body: { metadata } }, {
      fieldManager: FIELD_MANAGER,
      signal,
    });
    audit(operation, name, patched.metadata.resourceVersion ?? "");
  }
}

function nulls(keys: readonly string[]): Record<string, null> {
  return Object.fromEntries(keys.map((key) => [key, null]));
}

async function readNamespace(client: KubeClient, name: string, signal: AbortSignal): Promise<KubeObject | undefined> {
  try {
    return await client.get(NAMESPACES, { name }, { signal });
  } catch (error) {
    if (isKubeError(error, "NotFound")) return undefined;
    throw error;
  }
}
