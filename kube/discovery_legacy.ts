/**
 * Discovery on servers that do not aggregate it: one request a group version.
 *
 * @module
 */
import { readGroupVersions, readResourceList, type ServedGroup, type ServedVersion } from "./discovery_read.ts";
import { isKubeError } from "./errors.ts";
import type { Transport } from "./transport_types.ts";
import type { Call } from "./types.ts";

/** A dead aggregated API server must not hold up the rest. */
const GROUP_DEADLINE_MS = 10_000;

/** Discovers below `path` from its list of groups; undefined when the body is no such list. */
export async function discoverLegacy(
  transport: Transport,
  path: "/api" | "/apis",
  body: unknown,
  call: Call,
): Promise<ServedGroup[] | undefined> {
  const groups = readGroupVersions(body);
  if (groups === undefined) return undefined;
  return await Promise.all(groups.map(async ({ name, versions }) => {
    const base = name === "" ? path : `${path}/${encodeURIComponent(name)}`;
    const served = versions.map((version) => readServed(transport, base, name, version, call));
    return { name, versions: (await Promise.all(served)).filter((one) => one !== undefined) };
  }));
}

async function readServed(
  transport: Transport,
  base: string,
  group: string,
  version: string,
  call: Call,
): Promise<ServedVersion | undefined> {
  const deadlineMs = Math.min(call.deadlineMs ?? GROUP_DEADLINE_MS, GROUP_DEADLINE_MS);
  try {
    const { body } = await transport.request({
      ...call,
      deadlineMs,
      method: "GET",
      path: `${base}/${encodeURIComponent(version)}`,
      action: `discover ${group === "" ? version : `${group}/${version}`}`,
    });
    const types = readResourceList(group, version, body);
    return { version, types: types ?? [], stale: types === undefined };
  } catch (error) {
    // Withdrawn since the list of groups was read.
    if (isKubeError(error, "KindMissing", "NotFound")) return undefined;
    if (!isKubeError(error, "Unavailable", "ServerError", "Timeout", "Forbidden", "BadResponse")) throw error;
    return { version, types: [], stale: true };
  }
}
