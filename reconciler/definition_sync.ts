/**
 * Keeps definitions in DR as the source has them (`spec.crds: Sync`): those that were made from the source's, of kinds of
 * which objects are mirrored.
 *
 * @module
 */
import { DESIRED_HASH, FIELD_MANAGER } from "../crds/keys.ts";
import { isKubeError } from "../kube/errors.ts";
import type { KubeClient, KubeObject } from "../kube/types.ts";
import { DEFINITIONS } from "./builtin_types.ts";
import { covers } from "./desired/compare.ts";
import { desiredCrd, isDefinitionOf, lostVersion } from "./desired/crd.ts";
import { classify, remedyOf } from "./failure.ts";
import type { Finding } from "./finding.ts";
import { LookLoop } from "./look_loop.ts";

/** What this needs. */
export interface DefinitionSyncPorts {
  readonly source: KubeClient;
  readonly target: KubeClient;
  readonly sourceClusterId: string;
  readonly trackingKeys: readonly string[];
  readonly signal: AbortSignal;
  /** Definitions of the custom kinds of which objects are mirrored. */
  names(): readonly string[];
  /** Whether the fence is ours and this process leads, at this moment. */
  mayWrite(): boolean;
  audit(operation: string, name: string, resourceVersion: string): void;
  changed(): void;
}

const DEFINITION = "CustomResourceDefinition";

/** See the module. */
export class DefinitionSync {
  readonly #ports: DefinitionSyncPorts;
  readonly #looks: LookLoop;
  #findings: readonly Finding[] = [];

  constructor(ports: DefinitionSyncPorts) {
    this.#ports = ports;
    this.#looks = new LookLoop({ signal: ports.signal, look: () => this.#lookOnce() });
  }

  get findings(): readonly Finding[] {
    return this.#findings;
  }

  /** Looks when a full pass has ended since (`pass` is another one). */
  passed(pass: unknown): void {
    this.#looks.passed(pass);
  }

  /** Time has passed: what kept a definition from being written may be gone. */
  tick(): void {
    if (this.#findings.length > 0) this.look();
  }

  /** Compares every definition, soon. */
  look(): void {
    void this.#looks.ask();
  }

  async #lookOnce(): Promise<void> {
    const findings: Finding[] = [];
    for (const name of this.#ports.names()) {
      const finding = await this.#sync(name);
      if (finding !== undefined) findings.push(finding);
    }
    if (JSON.stringify(findings) === JSON.stringify(this.#findings)) return;
    this.#findings = findings;
    this.#ports.changed();
  }

  async #sync(name: string): Promise<Finding | undefined> {
    const { source, target, sourceClusterId, trackingKeys, mayWrite, signal } = this.#ports;
    try {
      const [theirs, live] = await Promise.all([
        readDefinition(source, name, signal),
        readDefinition(target, name, signal),
      ]);
      // Not a custom resource, or one that is created when its first object is.
      if (theirs === undefined || live === undefined) return undefined;
      const wanted = desiredCrd(theirs, sourceClusterId, trackingKeys);
      if (!isDefinitionOf(live, sourceClusterId)) return foreign(name, live, wanted);
      if (
        live.metadata.annotations?.[DESIRED_HASH] === wanted.metadata.annotations?.[DESIRED_HASH] &&
        covers(live, wanted)
      ) {
        return undefined;
      }
      const lost = lostVersion(live, wanted);
      if (lost !== undefined) {
        return { kind: DEFINITION, name, isFailure: true, reason: "Invalid", message: `not written: ${lost}` };
      }
      if (mayWrite()) await this.#write(live, wanted);
      return undefined;
    } catch (error) {
      const failure = classify(error);
      const message = `${failure.message}; ${remedyOf(failure)}`;
      return { kind: DEFINITION, name, isFailure: true, reason: failure.failureClass, message };
    }
  }

  async #write(live: KubeObject, wanted: KubeObject): Promise<void> {
    const { target, signal, audit } = this.#ports;
    const { uid, resourceVersion } = live.metadata;
    const body = { ...wanted, metadata: { ...wanted.metadata, uid, resourceVersion } };
    try {
      const stored = await target.apply(DEFINITIONS, body, { fieldManager: FIELD_MANAGER, signal });
      audit("update", wanted.metadata.name, stored.metadata.resourceVersion ?? "");
    } catch (error) {
      if (!isKubeError(error, "Conflict")) throw error;
      // Somebody was faster: what is there now is compared.
      this.look();
    }
  }
}

/** One that DR has from somebody else stays as it is; whether that matters is told where it is otherwise. */
function foreign(name: string, live: KubeObject, { spec }: KubeObject): Finding | undefined {
  if (covers({ spec: live.spec }, { spec })) return undefined;
  const message = "DR has this definition from somebody else, and otherwise than the source: crds: Sync leaves it as " +
    "it is; bring it up to date in DR";
  return { kind: DEFINITION, name, isFailure: false, reason: "DefinitionNotOurs", message };
}

async function readDefinition(client: KubeClient, name: string, signal: AbortSignal): Promise<KubeObject | undefined> {
  try {
    return await client.get(DEFINITIONS, { name }, { signal });
  } catch (error) {
    if (isKubeError(error, "NotFound")) return undefined;
    throw error;
  }
}
