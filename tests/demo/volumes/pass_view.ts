/**
 * A pass while it runs: the agents' Pods in both clusters, and what the Replication's status says of the volume.
 *
 * @module
 */
import { AGENT_CLAIM, AGENT_COMPONENT, COMPONENT } from "../../../crds/keys.ts";
import type { Replication, VolumeStatus } from "../../../crds/types.ts";
import type { KubeObject } from "../../../kube/types.ts";
import { podFacts } from "../../../reconciler/volumes/pod_facts.ts";
import type { Sighting } from "../observer.ts";
import { formatBytes } from "./contents.ts";

/** Where lines go. */
export interface PassViewPorts {
  /** A line that stays. */
  tell(line: string): void;
  /** How far a pass is: the next one may take its place. */
  progress(line: string): void;
  nowMs(): number;
}

/** What an agent does, for those who see its Pod. */
const ROLES: Readonly<Record<string, string>> = {
  source: "mounts the claim read-only, serves it to one key",
  dr: "mounts the copy, pulls",
};

/** See the module. */
export class PassView {
  readonly #ports: PassViewPorts;
  readonly #claim: string;
  #startMs: number;
  /** What was told of each agent last. */
  readonly #agents = new Map<string, string>();
  #volume: VolumeStatus | undefined;
  #replication: Replication | undefined;

  constructor(claim: string, ports: PassViewPorts) {
    this.#claim = claim;
    this.#ports = ports;
    this.#startMs = ports.nowMs();
  }

  /** The volume as the status told of it last. */
  get volume(): VolumeStatus | undefined {
    return this.#volume;
  }

  get replication(): Replication | undefined {
    return this.#replication;
  }

  /** No agent is left that was seen. */
  get isQuiet(): boolean {
    return this.#agents.size === 0;
  }

  /** Times are told from now on. */
  restart(): void {
    this.#startMs = this.#ports.nowMs();
  }

  /** A Pod of the application's namespace in one of the clusters. */
  pod(cluster: "source" | "dr", { change, object }: Sighting): void {
    if (!isAgent(object, this.#claim)) return;
    const { name } = object.metadata;
    const { isReady, node } = podFacts(object);
    const state = change === "Deleted" ? "gone" : isReady ? `runs on node ${node}: ${ROLES[cluster]}` : "made";
    if (this.#agents.get(name) === state) return;
    // A Pod that ends is not ready any more; it was made long ago.
    if (state === "made" && this.#agents.has(name)) return;
    if (state === "gone") this.#agents.delete(name);
    else this.#agents.set(name, state);
    this.#tell(cluster, `Pod ${name} ${state}`);
  }

  /** The Replication. */
  status(object: KubeObject): void {
    this.#replication = object as unknown as Replication;
    const before = this.#volume;
    const now = this.#replication.status?.volumes?.find(({ name }) => name === this.#claim);
    this.#volume = now;
    if (now === undefined) return;
    const isSame = before?.phase === now.phase && before.reason === now.reason &&
      before.syncedUpTo === now.syncedUpTo;
    if (!isSame) return this.#tell("volume", `${this.#claim}: ${describeVolume(now)}`);
    if (now.percent === undefined || now.percent === before.percent) return;
    this.#ports.progress(this.#line("volume", `${this.#claim}: ${now.percent} %`));
  }

  #tell(where: string, what: string): void {
    this.#ports.tell(this.#line(where, what));
  }

  #line(where: string, what: string): string {
    const seconds = ((this.#ports.nowMs() - this.#startMs) / 1_000).toFixed(1);
    return `  ${seconds.padStart(6)} s  ${where.padEnd(8)}${what}`;
  }
}

/** What the status says, in a few words. */
export function describeVolume(volume: VolumeStatus): string {
  const { phase, reason, message, files, bytes, transferredBytes, duration } = volume;
  if (phase !== "Synced") return [phase, reason, message].filter((word) => word !== undefined).join(", ");
  const size = `${files} files, ${formatBytes(bytes ?? 0)}`;
  return `Synced in ${duration}: ${size}; files of ${formatBytes(transferredBytes ?? 0)} were new or had changed`;
}

function isAgent({ metadata: { labels, annotations } }: KubeObject, claim: string): boolean {
  return labels?.[COMPONENT] === AGENT_COMPONENT && annotations?.[AGENT_CLAIM] === claim;
}
