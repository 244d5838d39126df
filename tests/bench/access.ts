/**
 * A cluster as the benchmark's threads use it.
 *
 * @module
 */
import { createKubeClient } from "../../kube/client.ts";
import { parseInlineKubeconfig } from "../../kube/config.ts";
import { createTransport } from "../../kube/transport.ts";
import { groupResource, type KubeClient, type ResourceType } from "../../kube/types.ts";
import { type Kind, KINDS } from "./objects.ts";

/** A client, and the kinds of the mix as the server serves them. */
export interface Access {
  readonly client: KubeClient;
  readonly types: ReadonlyMap<Kind, ResourceType>;
}

/** Connects with a kubeconfig; the connections belong to the caller alone. */
export async function openAccess(kubeconfig: string): Promise<Access> {
  // More than a load ever has under way: nothing waits for its turn on our side.
  const client = createKubeClient(createTransport(parseInlineKubeconfig(kubeconfig), { maxConcurrent: 256 }));
  const { types } = await client.discover();
  const found = types.filter((type) => (KINDS as readonly string[]).includes(groupResource(type)));
  return { client, types: new Map(found.map((type) => [groupResource(type) as Kind, type])) };
}

/** A kind of the mix. @throws {Error} when the server does not serve it */
export function typeOf(access: Access, kind: Kind): ResourceType {
  const type = access.types.get(kind);
  if (type === undefined) throw new Error(`Cannot use ${kind}: ${access.client.server} does not serve it`);
  return type;
}
