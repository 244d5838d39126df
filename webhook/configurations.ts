/**
 * Keeps the webhook configurations in a cluster as `desiredConfigurations` has them, and takes them away.
 *
 * @module
 */
import { FIELD_MANAGER } from "../crds/keys.ts";
import { isKubeError } from "../kube/errors.ts";
import type { Call, KubeClient, KubeObject, ResourceType } from "../kube/types.ts";
import {
  type ConfigurationOptions,
  desiredConfigurations,
  OBSERVE_CONFIGURATION,
  VALIDATE_CONFIGURATION,
} from "./configuration.ts";

/** What became of one configuration. */
export type ConfigurationOutcome = "unchanged" | "applied" | "removed" | "absent";

const CONFIGURATIONS: ResourceType = {
  group: "admissionregistration.k8s.io",
  version: "v1",
  resource: "validatingwebhookconfigurations",
  kind: "ValidatingWebhookConfiguration",
  singular: "validatingwebhookconfiguration",
  shortNames: [],
  namespaced: false,
  verbs: ["create", "delete", "get", "patch"],
  subresources: [],
};

/**
 * Makes both configurations right, writing only what differs; answers what was done by name. Call it by the leader: at
 * start, when namespaces or certificates change, and each minute against foreign hands. Throws `KubeError`.
 */
export async function ensureConfigurations(
  client: KubeClient,
  options: ConfigurationOptions,
  call: Call = {},
): Promise<Record<string, ConfigurationOutcome>> {
  const desired = new Map(desiredConfigurations(options).map((object) => [object.metadata.name, object]));
  const names = [VALIDATE_CONFIGURATION, OBSERVE_CONFIGURATION];
  const outcomes = await Promise.all(names.map(async (name) => {
    const object = desired.get(name);
    return [name, object ? await ensure(client, object, call) : await takeAway(client, name, call)] as const;
  }));
  return Object.fromEntries(outcomes);
}

/** Whether our kinds are judged already. Throws `KubeError`. */
export async function isPublished(client: KubeClient, call: Call = {}): Promise<boolean> {
  return await read(client, VALIDATE_CONFIGURATION, call) !== undefined;
}

/**
 * Deletes one configuration; false when it was not there. For the last replica on SIGTERM, the uninstaller, and the
 * replica that holds the guard Lease when the configuration's server is gone. Throws `KubeError`.
 */
export async function removeConfiguration(client: KubeClient, name: string, call: Call = {}): Promise<boolean> {
  return await takeAway(client, name, call) === "removed";
}

async function ensure(client: KubeClient, object: KubeObject, call: Call): Promise<ConfigurationOutcome> {
  const live = await read(client, object.metadata.name, call);
  if (live && isAsDesired(live, object)) return "unchanged";
  await client.apply(CONFIGURATIONS, object, { ...call, fieldManager: FIELD_MANAGER, force: true });
  return "applied";
}

async function takeAway(client: KubeClient, name: string, call: Call): Promise<ConfigurationOutcome> {
  const live = await read(client, name, call);
  if (live === undefined) return "absent";
  try {
    await client.delete(CONFIGURATIONS, { name }, { ...call, uid: live.metadata.uid });
    return "removed";
  } catch (error) {
    if (isKubeError(error, "NotFound")) return "absent";
    throw error;
  }
}

async function read(client: KubeClient, name: string, call: Call): Promise<KubeObject | undefined> {
  try {
    return await client.get(CONFIGURATIONS, { name }, call);
  } catch (error) {
    if (isKubeError(error, "NotFound")) return undefined;
    throw error;
  }
}

/**
 * Whether `live` is as `desired` says. Maps may hold more (defaults of newer API servers), and so may the list of
 * webhooks: foreign ones in our configuration are not ours to fight over.
 */
export function isAsDesired(live: KubeObject, desired: KubeObject): boolean {
  const theirs = webhooksOf(live);
  return contains(live.metadata.labels, desired.metadata.labels) &&
    contains(live.metadata.ownerReferences, desired.metadata.ownerReferences) &&
    webhooksOf(desired).every((ours) => contains(theirs.find(({ name }) => name === ours.name), ours));
}

function webhooksOf(object: KubeObject): { name?: unknown }[] {
  return Array.isArray(object.webhooks) ? object.webhooks : [];
}

function contains(live: unknown, desired: unknown): boolean {
  if (Array.isArray(desired)) {
    return Array.isArray(live) && live.length === desired.length &&
      desired.every((item, index) => contains(live[index], item));
  }
  if (typeof desired !== "object" || desired === null) return live === desired;
  if (typeof live !== "object" || live === null) return false;
  return Object.entries(desired).every(([key, value]) => contains((live as Record<string, unknown>)[key], value));
}
