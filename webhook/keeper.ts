/**
 * Keeps certificates and webhook configurations right while this process runs: every replica follows the certificates, the leader
 * alone writes configurations.
 *
 * @module
 */
import type { KubeClient, OwnerReference, ResourceType } from "../kube/types.ts";
import type { Admission } from "./admission.ts";
import { type CertificateOptions, ensureCertificates, type ServingCertificates } from "./certs.ts";
import { type Endpoint, OBSERVE_CONFIGURATION, VALIDATE_CONFIGURATION } from "./configuration.ts";
import { ensureConfigurations, isPublished, removeConfiguration } from "./configurations.ts";
import type { Log } from "../kube/log.ts";
import { hasReadyEndpoint } from "./reachable.ts";

const NAMESPACES: ResourceType = {
  group: "",
  version: "v1",
  resource: "namespaces",
  kind: "Namespace",
  singular: "namespace",
  shortNames: [],
  namespaced: false,
  verbs: ["get"],
  subresources: [],
};

/** Foreign hands, certificates and restarts are looked for this often. */
const LOOK_EVERY_MS = 30_000;
const RETRY_MS = 2_000;
/** Proxies of nodes lead to a Pod this long after its EndpointSlice names it. */
const PROXY_DELAY_MS = 5_000;

/** What the keeper needs. */
export interface KeeperOptions {
  readonly client: KubeClient;
  readonly admission: Admission;
  readonly certificates: CertificateOptions;
  readonly validate: Endpoint;
  readonly observe: Endpoint;
  readonly ownUserNames: readonly string[];
  /** Namespaces whose writes are to be announced; asked at each look. */
  namespaces(): readonly string[];
  /** Whether this process keeps the configurations. */
  leading(): boolean;
  /** Milliseconds on a clock that never steps back. */
  now(): number;
  readonly log: Log;
}

/** See the module. */
export class Keeper {
  readonly #options: KeeperOptions;
  #certificates: ServingCertificates;
  #served: ReadonlySet<string> = new Set();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #looking: Promise<void> | undefined;
  #again = false;
  #certificatesSeenMs = -Infinity;
  /** Namespaces as last published, while leading. */
  #lastWanted: string | undefined;
  #stopped = false;
  /** When somebody was first seen behind the Service; undefined: not yet. */
  #reachableSinceMs: number | undefined;
  #published = false;
  /** The control namespace; whoever deletes it is rid of us. */
  #owner: OwnerReference | undefined;

  constructor(options: KeeperOptions, certificates: ServingCertificates) {
    this.#options = options;
    this.#certificates = certificates;
  }

  /** The serving certificate in use. */
  get certificates(): ServingCertificates {
    return this.#certificates;
  }

  /** Whether writes of this namespace are announced to us. */
  serves(namespace: string): boolean {
    return this.#served.has(namespace);
  }

  /** Namespaces or leadership changed: look now. Calls meanwhile ask for one more look. */
  look(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    if (this.#looking !== undefined) {
      this.#again = true;
      return this.#looking;
    }
    this.#looking = this.#lookUntilQuiet();
    return this.#looking;
  }

  /** Stops. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#looking;
  }

  /** Stops, and takes `/observe` away, with `last` `/validate` too: nobody would serve them. For the leader that ends. */
  async remove(last: boolean, deadlineMs: number): Promise<void> {
    await this.stop();
    const names = last ? [OBSERVE_CONFIGURATION, VALIDATE_CONFIGURATION] : [OBSERVE_CONFIGURATION];
    await Promise.all(names.map((name) => removeConfiguration(this.#options.client, name, { deadlineMs })));
  }

  async #lookUntilQuiet(): Promise<void> {
    clearTimeout(this.#timer);
    let nextMs = LOOK_EVERY_MS;
    do {
      this.#again = false;
      try {
        nextMs = await this.#look() ? LOOK_EVERY_MS : RETRY_MS;
      } catch (error) {
        nextMs = RETRY_MS;
        this.#options.log.warn("cannot keep the webhooks: {reason}", { reason: String(error) });
      }
    } while (this.#again && !this.#stopped);
    // In the same turn as the last look at `#again`: a call in between would be lost.
    this.#looking = undefined;
    if (!this.#stopped) this.#timer = setTimeout(() => void this.look(), nextMs);
  }

  /** Whether all is as it should be. */
  async #look(): Promise<boolean> {
    const { client, admission, certificates, validate, observe, ownUserNames, namespaces, leading, now } =
      this.#options;
    const due = now() - this.#certificatesSeenMs >= LOOK_EVERY_MS;
    const wantedNow = leading() ? [...namespaces()].sort().join() : undefined;
    // Nothing to do since the last look: this is called for every change of our kinds, status writes included.
    if (!due && wantedNow === this.#lastWanted) return true;
    const current = due ? await ensureCertificates(client, certificates) : this.#certificates;
    if (due) this.#certificatesSeenMs = now();
    const changed = current.resourceVersion !== this.#certificates.resourceVersion;
    this.#certificates = current;
    if (!leading()) {
      if (changed) admission.setCertificate(current);
      this.#lastWanted = undefined;
      this.#note([]);
      return true;
    }
    const wanted = namespaces();
    this.#lastWanted = undefined;
    if (!await this.#mayPublish()) {
      if (changed) admission.setCertificate(current);
      return false;
    }
    this.#owner ??= await readOwner(client, certificates.namespace);
    // The bundle with the new CA is published before the certificate that needs it is served.
    await ensureConfigurations(client, {
      caBundle: current.caBundle,
      validate,
      observe,
      namespaces: wanted,
      ownUserNames,
      owner: this.#owner,
    });
    if (changed) admission.setCertificate(current);
    this.#lastWanted = [...wanted].sort().join();
    this.#note(wanted);
    return true;
  }

  /** A first hook waits for its server: our kinds could not be written while it leads nowhere. */
  async #mayPublish(): Promise<boolean> {
    const { client, validate, now } = this.#options;
    if (this.#published || !("service" in validate)) return true;
    this.#published = await isPublished(client);
    if (this.#published) return true;
    if (!await hasReadyEndpoint(client, validate.service)) return false;
    this.#reachableSinceMs ??= now();
    return now() - this.#reachableSinceMs >= PROXY_DELAY_MS;
  }

  #note(served: readonly string[]): void {
    this.#served = new Set(served);
  }
}

async function readOwner(client: KubeClient, name: string): Promise<OwnerReference> {
  const { metadata } = await client.get(NAMESPACES, { name });
  return { apiVersion: "v1", kind: "Namespace", name, uid: metadata.uid as string };
}
