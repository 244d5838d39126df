/**
 * Ingress, Service and Gateway: until activation a standby asks nobody for DNS records or certificates.
 *
 * @module
 */

import type { Draft, KindRule } from "./context.ts";
import { mapIngressHosts, mapRouteHost } from "./hosts.ts";
import { parkAnnotations } from "./original.ts";

/** Prefixes of what external-dns acts on, before and since its release 0.22; it would point the application's names at the standby. */
export const DNS_ANNOTATIONS: readonly string[] = ["external-dns.alpha.kubernetes.io/", "external-dns.kubernetes.io/"];

/** What makes cert-manager issue a certificate. */
const ISSUER_ANNOTATIONS: readonly string[] = [
  "cert-manager.io/issuer",
  "cert-manager.io/cluster-issuer",
  "cert-manager.io/issuer-kind",
  "cert-manager.io/issuer-group",
  "kubernetes.io/tls-acme",
];

/** Rule of networking.k8s.io/Ingress. */
export const ingressRule: KindRule = { adapt: mapIngressHosts, quiesce: parkPublishing };

/** Rule of OpenShift's Route. */
export const routeRule: KindRule = { adapt: mapRouteHost, quiesce: parkPublishing };

/** Makes external-dns ignore an object: it also publishes host names that stand in no annotation. */
const DNS_IGNORED: Readonly<Record<string, string>> = Object.fromEntries(
  DNS_ANNOTATIONS.map((prefix) => [`${prefix}controller`, "dr-syncer-standby"]),
);

/** Parks the annotations that publish a name or order a certificate, and tells external-dns to look away. */
export function parkPublishing(draft: Draft): void {
  parkAnnotations(draft, [...DNS_ANNOTATIONS, ...ISSUER_ANNOTATIONS], DNS_IGNORED);
}
