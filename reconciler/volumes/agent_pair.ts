/**
 * Both agents of one pass: made, waited for, and removed whatever happens.
 *
 * @module
 */
import type { Call, KubeClient, KubeObject, ResourceType } from "../../kube/types.ts";
import { NETWORK_POLICIES, PODS, SECRETS, SERVICES } from "../builtin_types.ts";
import { objectsAt } from "../desired/json.ts";
import {
  type Address,
  agentPod,
  agentSecret,
  type AgentSpec,
  sourcePolicy,
  sourceService,
  SSH_PORT,
  targetPolicy,
} from "./agent_manifests.ts";
import { remove } from "./leftovers.ts";
import { generateOpensshKey } from "./openssh_key.ts";
import type { PodFacts } from "./pod_facts.ts";
import type { PodWatch } from "./pod_watch.ts";

/** An image may have to be pulled. */
const READY_MS = 300_000;

/** One end: where its agent is made, and what is known of the Pods there. */
export interface PairEnd {
  readonly client: KubeClient;
  readonly pods: PodWatch;
  readonly spec: AgentSpec;
}

/** An agent that does not come. */
export class AgentError extends Error {
  override readonly name = "AgentError";
  readonly reason: "AgentNotReady" | "AgentEnded";

  constructor(reason: "AgentNotReady" | "AgentEnded", message: string) {
    super(message);
    this.reason = reason;
  }
}

/** Bounds of making a pair. */
export interface PairCall {
  /** Aborted: nothing is made any more. */
  readonly signal: AbortSignal;
  /** Aborted: what was sent is not waited for any longer. */
  readonly cutOff: AbortSignal;
  /** Whether the source agent is to have an address outside of its cluster. */
  readonly isDirect: boolean;
}

/** See the module. */
export class AgentPair {
  readonly #source: PairEnd;
  readonly #target: PairEnd;
  readonly #audit: (operation: "create" | "delete", type: ResourceType, name: string) => void;
  readonly #made: { readonly end: PairEnd; readonly type: ResourceType }[] = [];

  /** @param audit hears of what is written to DR */
  constructor(
    ends: { readonly source: PairEnd; readonly target: PairEnd },
    audit: (operation: "create" | "delete", type: ResourceType, name: string) => void,
  ) {
    this.#source = ends.source;
    this.#target = ends.target;
    this.#audit = audit;
  }

  /**
   * Makes both, waits until they run, and answers where the source agent may be reached directly. Keys are of this pass alone: the private
   * client key is in DR only, the private host key in the source only. Throws `KubeError` and `AgentError`.
   */
  async open(call: PairCall): Promise<Address[]> {
    const [source, target] = [this.#source, this.#target];
    const [client, host] = await Promise.all(["client", "host"].map(generateOpensshKey));
    if (client === undefined || host === undefined) return [];
    const sourceKeys = { "host-key": host.privateKey, "client-keys": `${client.publicKey}\n` };
    const targetKeys = { "client-key": client.privateKey, "host-keys": `${host.publicKey}\n` };
    // What a Pod mounts, and what keeps others from it, is there before it.
    const [service] = await allOf([
      call.isDirect ? this.#make(source, SERVICES, sourceService(source.spec), call) : undefined,
      this.#make(source, SECRETS, agentSecret(source.spec, sourceKeys), call),
      this.#make(source, NETWORK_POLICIES, sourcePolicy(source.spec, call.isDirect), call),
      this.#make(target, SECRETS, agentSecret(target.spec, targetKeys), call),
      this.#make(target, NETWORK_POLICIES, targetPolicy(target.spec, []), call),
    ]);
    await allOf([source, target].map((end) => this.#make(end, PODS, agentPod(end.spec), call)));
    const [sourcePod] = await Promise.all([source, target].map((end) => untilReady(end, call.signal)));
    // A tunnel needs no address: it ends in the Pods themselves.
    if (!call.isDirect) return [];
    const addresses = addressesOf(service, sourcePod);
    // Only now is it known where the target agent has to get to.
    const { metadata, ...body } = targetPolicy(target.spec, addresses);
    const patch = { type: "merge", body: { spec: body.spec } } as const;
    const ref = { namespace: metadata.namespace, name: metadata.name };
    await target.client.patch(NETWORK_POLICIES, ref, patch, { signal: call.signal });
    return addresses;
  }

  /** Removes everything, also what a lost answer may have made. Throws the first error once all was tried. */
  async close(call: Call): Promise<void> {
    const pods = this.#made.filter(({ type }) => type === PODS);
    const rest = this.#made.filter(({ type }) => type !== PODS);
    const failures: unknown[] = [];
    for (const group of [pods, rest]) {
      const results = await Promise.allSettled(group.map(({ end, type }) => this.#remove(end, type, call)));
      for (const result of results) if (result.status === "rejected") failures.push(result.reason);
    }
    if (failures.length > 0) throw failures[0];
  }

  /** What was sent is waited for: a delete that overtook it would find nothing. */
  async #make(end: PairEnd, type: ResourceType, object: KubeObject, call: PairCall): Promise<KubeObject> {
    this.#made.push({ end, type });
    const made = await end.client.create(type, object, { sendUntil: call.signal, signal: call.cutOff });
    if (end === this.#target) this.#audit("create", type, object.metadata.name);
    return made;
  }

  async #remove(end: PairEnd, type: ResourceType, call: Call): Promise<void> {
    const { name, namespace } = end.spec;
    const isGone = await remove(end.client, type, { namespace, name }, call);
    if (isGone && end === this.#target) this.#audit("delete", type, name);
  }
}

/** All answers; throws the first error, but not before every call is over. */
async function allOf<T>(calls: readonly (Promise<T> | undefined)[]): Promise<(T | undefined)[]> {
  await Promise.allSettled(calls);
  return await Promise.all(calls);
}

/** Throws `AgentError`. */
async function untilReady({ pods, spec: { name } }: PairEnd, signal: AbortSignal): Promise<PodFacts> {
  const pod = await pods.until(
    () => {
      const found = pods.get(name);
      if (found?.isOver) {
        throw new AgentError("AgentEnded", `agent ${name} ended: ${found.trouble ?? "without a word"}`);
      }
      return found?.isReady ? found : undefined;
    },
    signal,
    READY_MS,
  );
  if (pod !== undefined) return pod;
  signal.throwIfAborted();
  const why = pods.get(name)?.trouble ?? "nothing says why";
  throw new AgentError("AgentNotReady", `agent ${name} does not run within ${READY_MS / 1_000} s: ${why}`);
}

/** The node's port first: Pods can be reached from another cluster in flat networks only. */
function addressesOf(service: KubeObject | undefined, pod: PodFacts | undefined): Address[] {
  const nodePort = objectsAt(service, "spec", "ports")[0]?.nodePort;
  const addresses: Address[] = [];
  if (typeof nodePort === "number" && pod?.nodeAddress) addresses.push({ host: pod.nodeAddress, port: nodePort });
  if (pod?.address) addresses.push({ host: pod.address, port: SSH_PORT });
  return addresses;
}
