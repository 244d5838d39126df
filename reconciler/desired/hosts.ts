/**
 * Hosts: the names under which DR answers.
 *
 * @module
 */

import type { Draft } from "./context.ts";
import { type JsonObject, objectAt, objectsAt } from "./json.ts";

/** Maps the hosts of an Ingress: of its rules and of its TLS. */
export function mapIngressHosts(draft: Draft): void {
  for (const rule of objectsAt(draft.object, "spec", "rules")) mapField(draft, rule, "host");
  for (const tls of objectsAt(draft.object, "spec", "tls")) mapList(draft, tls, "hosts");
}

/** Maps the host of an OpenShift Route. */
export function mapRouteHost(draft: Draft): void {
  const spec = objectAt(draft.object, "spec");
  if (spec !== undefined) mapField(draft, spec, "host");
}

/** Maps the hosts of a Gateway API route or of the listeners of a Gateway. */
export function mapGatewayHosts(draft: Draft): void {
  const spec = objectAt(draft.object, "spec");
  if (spec === undefined) return;
  mapList(draft, spec, "hostnames");
  for (const listener of objectsAt(spec, "listeners")) mapField(draft, listener, "hostname");
}

function mapField(draft: Draft, at: JsonObject, field: string): void {
  if (typeof at[field] === "string") at[field] = mapHost(draft, at[field]);
}

function mapList(draft: Draft, at: JsonObject, field: string): void {
  const hosts = at[field];
  if (!Array.isArray(hosts)) return;
  at[field] = hosts.map((host: unknown) => typeof host === "string" ? mapHost(draft, host) : host);
}

/** The host itself first, then the longest suffix. */
function mapHost(draft: Draft, host: string): string {
  const rules = draft.context.adaptation?.ingressHostMappings ?? [];
  const suffixes = rules.filter(({ from }) => from.startsWith("*.") && host.endsWith(from.slice(1)));
  const rule = rules.find(({ from }) => from === host) ??
    suffixes.reduce<typeof suffixes[number] | undefined>(
      (best, next) => best !== undefined && best.from.length >= next.from.length ? best : next,
      undefined,
    );
  if (rule === undefined) return host;
  draft.used.add(`ingressHostMappings[${rule.from}]`);
  return rule.from === host ? rule.to : host.slice(0, 1 - rule.from.length) + rule.to.slice(1);
}
