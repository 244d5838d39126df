/**
 * When certificates are renewed: decided from plain data, at two thirds of their life.
 *
 * A new CA first stands beside the old one in the caBundle while the old leaf still serves; the leaf follows after
 * `overlapMs`, when every API server trusts both. So no handshake ever meets a CA it does not know.
 *
 * @module
 */
import { canonicalHost, inspect, isIssuedBy, keyMatches, type Validity } from "./x509.ts";

/** What the Secret holds, decoded; any part may be missing or damaged. */
export interface StoredCertificates {
  readonly caPem?: string;
  readonly caKeyPem?: string;
  readonly oldCaPem?: string;
  readonly certPem?: string;
  readonly keyPem?: string;
}

/** What is usable of it. */
export interface StoredFacts {
  readonly ca?: Validity;
  readonly oldCa?: Validity | "damaged";
  readonly leaf?: Validity & { readonly hosts: readonly string[]; readonly issuedBy: "ca" | "oldCa" };
  /** Parts that are there but of no use, in words. */
  readonly problems: readonly string[];
}

/** Lifetimes; milliseconds. */
export interface RotationTimes {
  readonly caLifeMs: number;
  readonly leafLifeMs: number;
  /** How long old and new CA stand together before the leaf changes over. */
  readonly overlapMs: number;
  /** How far certificates start in the past, against clocks that differ. */
  readonly backdateMs: number;
}

const DAY_MS = 86_400_000;

/** CA ten years, leaf 90 days, one hour of overlap. */
export const DEFAULT_TIMES: RotationTimes = {
  caLifeMs: 3650 * DAY_MS,
  leafLifeMs: 90 * DAY_MS,
  overlapMs: 3_600_000,
  backdateMs: 300_000,
};

/** What to do now. */
export type RotationPlan =
  | { readonly action: "keep" }
  | { readonly action: "issueLeaf"; readonly reason: string }
  | { readonly action: "stageCa"; readonly reason: string } // a new CA beside the old one, the leaf stays
  | { readonly action: "dropOldCa"; readonly reason: string }
  | { readonly action: "startOver"; readonly reason: string }; // new CA and leaf at once

/** Looks at what is stored; never throws. */
export function inspectStored(stored: StoredCertificates): StoredFacts {
  const problems: string[] = [];
  const ca = usableCa(stored.caPem, stored.caKeyPem, problems);
  const leaf = usableLeaf(stored, problems);
  if (stored.oldCaPem === undefined) return { ca, leaf, problems };
  const oldCa = inspect(stored.oldCaPem);
  if (!oldCa?.isCa) problems.push("ca-old.crt is not a CA certificate");
  return { ca, oldCa: oldCa?.isCa ? oldCa : "damaged", leaf, problems };
}

function usableCa(caPem: string | undefined, keyPem: string | undefined, problems: string[]): Validity | undefined {
  if (caPem === undefined && keyPem === undefined) return undefined;
  const facts = inspect(caPem ?? "");
  if (!facts?.isCa) problems.push("ca.crt is not a CA certificate");
  else if (!keyMatches(caPem ?? "", keyPem ?? "")) problems.push("ca.key is not the key of ca.crt");
  else if (!isIssuedBy(caPem ?? "", caPem ?? "")) problems.push("ca.crt is not a self-signed CA");
  else return facts;
  return undefined;
}

function usableLeaf(stored: StoredCertificates, problems: string[]): StoredFacts["leaf"] {
  const { certPem, keyPem, caPem, oldCaPem } = stored;
  if (certPem === undefined && keyPem === undefined) return undefined;
  const facts = inspect(certPem ?? "");
  if (facts === undefined) problems.push("tls.crt is not a certificate");
  else if (!keyMatches(certPem ?? "", keyPem ?? "")) problems.push("tls.key is not the key of tls.crt");
  else if (isIssuedBy(certPem ?? "", caPem ?? "")) return { ...facts, issuedBy: "ca" };
  else if (isIssuedBy(certPem ?? "", oldCaPem ?? "")) return { ...facts, issuedBy: "oldCa" };
  else problems.push("tls.crt was signed by neither ca.crt nor ca-old.crt");
  return undefined;
}

/** Decides the next step; call it again after carrying one out. `hosts` are the names the leaf must be good for. */
export function planRotation(
  facts: StoredFacts,
  hosts: readonly string[],
  now: Date,
  times: RotationTimes = DEFAULT_TIMES,
): RotationPlan {
  const { ca, oldCa, leaf } = facts;
  if (ca === undefined) return { action: "startOver", reason: "no usable CA is stored" };
  if (now >= ca.notAfter) return { action: "startOver", reason: "the CA has expired" };
  if (oldCa === "damaged") return { action: "dropOldCa", reason: "it is damaged" };
  if (leaf === undefined) return { action: "issueLeaf", reason: "no usable serving certificate is stored" };
  const missing = hosts.filter((host) => !leaf.hosts.includes(canonicalHost(host)));
  if (missing.length > 0) return { action: "issueLeaf", reason: `the certificate lacks ${missing.join(", ")}` };
  if (now >= leaf.notAfter) return { action: "issueLeaf", reason: "the serving certificate has expired" };
  const isSettled = (part: Validity) => now.getTime() >= part.notBefore.getTime() + times.backdateMs + times.overlapMs;
  if (leaf.issuedBy === "oldCa") {
    return isSettled(ca) ? { action: "issueLeaf", reason: "the new CA takes over" } : { action: "keep" };
  }
  // not while a replica may still serve the leaf before this one: its CA would leave the bundle
  if (isDue(ca, now) && isSettled(leaf)) {
    return { action: "stageCa", reason: "two thirds of the CA's life have passed" };
  }
  if (isDue(leaf, now)) return { action: "issueLeaf", reason: "two thirds of the certificate's life have passed" };
  // by then every leaf the old CA has signed is over, on whatever replica
  const oldLeavesEndMs = ca.notBefore.getTime() + times.backdateMs + times.overlapMs + times.leafLifeMs;
  if (oldCa && (now >= oldCa.notAfter || now.getTime() >= oldLeavesEndMs)) {
    return { action: "dropOldCa", reason: "nothing signed by the old CA is valid any more" };
  }
  return { action: "keep" };
}

function isDue(validity: Validity, now: Date): boolean {
  const startMs = validity.notBefore.getTime();
  return now.getTime() >= startMs + (validity.notAfter.getTime() - startMs) * 2 / 3;
}
