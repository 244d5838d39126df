/**
 * Names and labels of what agents are made of.
 *
 * @module
 */
import { AGENT, AGENT_CLAIM, AGENT_COMPONENT, AGENT_OF, COMPONENT } from "../../crds/keys.ts";
import type { ObjectMeta } from "../../kube/types.ts";

/** Prefix of every name: admission policies tell agents by it (deploy/dr-cluster). */
export const AGENT_PREFIX = "dr-syncer-agent-";

/** Which end of the way an agent is at. */
export type AgentEnd = "source" | "target";

/** Which agent. */
export interface AgentId {
  readonly replicationId: string;
  readonly claim: string;
  /** Another one for each pass: an object of the last one may still be about to go. */
  readonly passId: string;
}

/** Name of an agent's Pod and of everything that goes with it. */
export async function agentName({ replicationId, claim, passId }: AgentId, end: AgentEnd): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify([replicationId, claim, passId, end]));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `${AGENT_PREFIX}${end}-${digest.toHex().slice(0, 12)}`;
}

/** Metadata of everything that goes with an agent. */
export function agentMetadata(name: string, namespace: string, { replicationId, claim }: AgentId): ObjectMeta {
  return {
    name,
    namespace,
    labels: { [COMPONENT]: AGENT_COMPONENT, [AGENT_OF]: replicationId, [AGENT]: name },
    annotations: {
      [AGENT_CLAIM]: claim,
    },
  };
}

/** Selects everything of all agents of a Replication. */
export function agentsSelector(replicationId: string): string {
  return `${COMPONENT}=${AGENT_COMPONENT},${AGENT_OF}=${replicationId}`;
}
