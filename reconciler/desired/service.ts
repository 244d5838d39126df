/**
 * Service: addresses and ports that the source cluster allocated stay there.
 *
 * @module
 */

import type { KubeObject } from "../../kube/types.ts";
import { type DesiredContext, type Draft, type KindRule, type Skip, skip } from "./context.ts";
import { isApiServer } from "./endpoints.ts";
import { DNS_ANNOTATIONS } from "./ingress.ts";
import { ensureObject, type JsonObject, objectAt, objectsAt } from "./json.ts";
import { parkAnnotations } from "./original.ts";
import { isClientField, lastApplied } from "./user_fields.ts";

/** Rule of Service. */
export const serviceRule: KindRule = {
  skip: skipService,
  sanitize: sanitizeService,
  stays: staysHeadless,
  quiesce: (draft) => parkAnnotations(draft, DNS_ANNOTATIONS),
};

/**
 * Headless or not is for life: without a clusterIP in an update the server keeps the one it has, also None, and an apply of
 * None over an address makes 1.36 break the connection.
 */
function staysHeadless(live: KubeObject, wanted: KubeObject): string | undefined {
  const [before, after] = [objectAt(live, "spec"), objectAt(wanted, "spec")];
  if (before?.type === "ExternalName" || after?.type === "ExternalName") return undefined;
  return (before?.clusterIP === "None") === (after?.clusterIP === "None") ? undefined : "spec.clusterIP";
}

function skipService(source: KubeObject, context: DesiredContext): Skip | undefined {
  if (!isApiServer(source.metadata.name, context)) return undefined;
  return skip(source, "ExcludedName", "it is the source's API server");
}

function sanitizeService(draft: Draft): void {
  const { source, object } = draft;
  const spec = ensureObject(object, "spec");
  if (spec.clusterIP !== "None") {
    delete spec.clusterIP;
    delete spec.clusterIPs;
  }
  if (!isUserField(source, "healthCheckNodePort")) delete spec.healthCheckNodePort;
  for (const port of objectsAt(spec, "ports")) {
    if (!isUserNodePort(source, port)) delete port.nodePort;
  }
  dropAllocatedFamilies(source, spec);
}

/** The families of a cluster are its own, unless the user named them; a policy other than the default is the user's. */
function dropAllocatedFamilies(source: KubeObject, spec: JsonObject): void {
  if (!isUserField(source, "ipFamilies")) delete spec.ipFamilies;
  if (spec.ipFamilyPolicy === "SingleStack" && !isUserField(source, "ipFamilyPolicy")) delete spec.ipFamilyPolicy;
}

function isUserField(source: KubeObject, field: string): boolean {
  const applied = lastApplied(source)?.spec as JsonObject | undefined;
  return applied?.[field] !== undefined || isClientField(source, ["f:spec", `f:${field}`]);
}

function isUserNodePort(source: KubeObject, port: JsonObject): boolean {
  const { port: number, protocol = "TCP" } = port;
  const applied = objectsAt(lastApplied(source), "spec", "ports").find((other) =>
    other.port === number && (other.protocol ?? "TCP") === protocol
  );
  if (applied?.nodePort !== undefined) return true;
  const key = `k:${JSON.stringify({ port: number, protocol })}`;
  return isClientField(source, ["f:spec", "f:ports", key, "f:nodePort"]);
}
