/**
 * The admission server's own CA and serving certificate, kept in a Secret that all replicas share.
 *
 * Every write is a compare-and-swap, so replicas that start together agree on one CA.
 *
 * @module
 */
import { COMPONENT } from "../crds/keys.ts";
import { isKubeError, KubeError } from "../kube/errors.ts";
import type { KubeClient, KubeObject, ObjectRef, ResourceType } from "../kube/types.ts";
import {
  DEFAULT_TIMES,
  inspectStored,
  planRotation,
  type RotationPlan,
  type RotationTimes,
  type StoredCertificates,
} from "./rotation.ts";
import { type CertificatePair, inspect, issueCa, issueLeaf, type Validity } from "./x509.ts";

/** Name of the Secret, in the control namespace. */
export const CERTIFICATE_SECRET = "dr-syncer-webhook-certs";

/** What the server and the webhook configurations need. */
export interface ServingCertificates extends CertificatePair {
  /** CA certificates, PEM, the newest first; two of them while one CA follows another. */
  readonly caBundle: string;
  /** End of life of the serving certificate. */
  readonly notAfter: Date;
  /** resourceVersion of the Secret it came from. */
  readonly resourceVersion: string;
}

/** How `ensureCertificates` works. */
export interface CertificateOptions {
  readonly namespace: string;
  /** DNS names and addresses under which API servers call us: see `serviceHosts`. */
  readonly hosts: readonly string[];
  readonly now: () => Date;
  readonly times?: RotationTimes;
  /** Told of each renewal, and in `warning` of content that had to be thrown away. */
  readonly report?: (message: string, warning: boolean) => void;
  readonly signal?: AbortSignal;
}

const ATTEMPTS = 6;
const KEYS = { caPem: "ca.crt", caKeyPem: "ca.key", oldCaPem: "ca-old.crt", certPem: "tls.crt", keyPem: "tls.key" };

const SECRETS: ResourceType = {
  group: "",
  version: "v1",
  resource: "secrets",
  kind: "Secret",
  singular: "secret",
  shortNames: [],
  namespaced: true,
  verbs: ["create", "get", "update"],
  subresources: [],
};

/** DNS names of Services of one namespace, as API servers and in-cluster callers spell them. */
export function serviceHosts(services: readonly string[], namespace: string): string[] {
  return services.flatMap((name) => [`${name}.${namespace}.svc`, `${name}.${namespace}.svc.cluster.local`]);
}

/** Whole and broken days until the serving certificate ends; negative once it has. */
export function daysLeft(certificates: Pick<ServingCertificates, "notAfter">, now: Date): number {
  return (certificates.notAfter.getTime() - now.getTime()) / 86_400_000;
}

/**
 * Reads the Secret and renews what is due; safe to call from several replicas at once. Call it at start and each
 * minute or so. Throws `KubeError`: Conflict when other writers won every attempt.
 */
export async function ensureCertificates(
  client: KubeClient,
  options: CertificateOptions,
): Promise<ServingCertificates> {
  const ref = { namespace: options.namespace, name: CERTIFICATE_SECRET };
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const secret = await readSecret(client, ref, options.signal);
    const renewal = renew(readData(secret), options);
    if (secret && renewal.steps.length === 0) return toServing(renewal.stored, secret);
    try {
      const saved = await writeSecret(client, ref, secret, renewal.stored, options.signal);
      for (const problem of renewal.problems) options.report?.(`Secret ${ref.namespace}/${ref.name}: ${problem}`, true);
      for (const step of renewal.steps) options.report?.(describeStep(step), false);
      return toServing(renewal.stored, saved);
    } catch (error) {
      if (!isKubeError(error, "AlreadyExists", "Conflict", "NotFound")) throw error; // another replica was faster
    }
  }
  throw new KubeError("Conflict", `Cannot renew Secret ${ref.namespace}/${ref.name}: it changed at every attempt`);
}

/** Carries plans out until nothing is due; without I/O. */
export function renew(
  stored: StoredCertificates,
  options: Pick<CertificateOptions, "hosts" | "now" | "times">,
): { stored: StoredCertificates; steps: RotationPlan[]; problems: readonly string[] } {
  const now = options.now();
  const times = options.times ?? DEFAULT_TIMES;
  const { problems } = inspectStored(stored);
  const steps: RotationPlan[] = [];
  let current = stored;
  for (;;) {
    const plan = planRotation(inspectStored(current), options.hosts, now, times);
    if (plan.action === "keep" || steps.length >= 4) return { stored: current, steps, problems };
    steps.push(plan);
    current = carryOut(plan, current, options.hosts, now, times);
  }
}

function carryOut(
  plan: RotationPlan,
  stored: StoredCertificates,
  hosts: readonly string[],
  now: Date,
  times: RotationTimes,
): StoredCertificates {
  switch (plan.action) {
    case "keep":
      return stored;
    case "dropOldCa":
      return { ...stored, oldCaPem: undefined };
    case "issueLeaf":
      return {
        ...stored,
        ...newLeaf({ certPem: stored.caPem ?? "", keyPem: stored.caKeyPem ?? "" }, hosts, now, times),
      };
    case "stageCa":
      return { ...stored, ...newCa(stored, now, times) };
    case "startOver":
      return { ...newCa(stored, now, times) }; // the next plan finds no leaf
  }
}

function newCa(stored: StoredCertificates, now: Date, times: RotationTimes): StoredCertificates {
  const pair = issueCa(`dr-syncer webhook CA ${now.toISOString()}`, validity(now, times.caLifeMs, times));
  // other replicas may still serve what the former CA signed
  const oldCaPem = inspect(stored.caPem ?? "")?.isCa ? stored.caPem : undefined;
  return { caPem: pair.certPem, caKeyPem: pair.keyPem, oldCaPem };
}

function newLeaf(
  ca: CertificatePair,
  hosts: readonly string[],
  now: Date,
  times: RotationTimes,
): Pick<StoredCertificates, "certPem" | "keyPem"> {
  const wanted = validity(now, times.leafLifeMs, times);
  const caEnd = inspect(ca.certPem)?.notAfter ?? wanted.notAfter;
  return issueLeaf(ca, hosts, { ...wanted, notAfter: wanted.notAfter < caEnd ? wanted.notAfter : caEnd });
}

function validity(now: Date, lifeMs: number, times: RotationTimes): Validity {
  return { notBefore: new Date(now.getTime() - times.backdateMs), notAfter: new Date(now.getTime() + lifeMs) };
}

async function readSecret(client: KubeClient, ref: ObjectRef, signal?: AbortSignal): Promise<KubeObject | undefined> {
  try {
    return await client.get(SECRETS, ref, { signal });
  } catch (error) {
    if (isKubeError(error, "NotFound")) return undefined;
    throw error;
  }
}

function writeSecret(
  client: KubeClient,
  ref: ObjectRef,
  previous: KubeObject | undefined,
  stored: StoredCertificates,
  signal?: AbortSignal,
): Promise<KubeObject> {
  const labels = { ...previous?.metadata.labels, [COMPONENT]: "webhook" };
  const data = Object.fromEntries(
    Object.entries(KEYS).flatMap(([part, key]) => {
      const pem = stored[part as keyof typeof KEYS];
      return pem === undefined ? [] : [[key, btoa(pem)]];
    }),
  );
  const metadata = { ...previous?.metadata, name: ref.name, namespace: ref.namespace, labels };
  const secret: KubeObject = { apiVersion: "v1", kind: "Secret", type: "Opaque", ...previous, metadata, data };
  return previous ? client.replace(SECRETS, secret, { signal }) : client.create(SECRETS, secret, { signal });
}

function readData(secret: KubeObject | undefined): StoredCertificates {
  const data = (secret?.data ?? {}) as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(KEYS).flatMap(([part, key]) => key in data ? [[part, decodeBase64(data[key])]] : []),
  );
}

function decodeBase64(value: unknown): string {
  try {
    return typeof value === "string" ? atob(value) : "";
  } catch {
    return "";
  }
}

function toServing(stored: StoredCertificates, secret: KubeObject): ServingCertificates {
  const { caPem = "", oldCaPem = "", certPem = "", keyPem = "" } = stored;
  const notAfter = inspect(certPem)?.notAfter ?? new Date(0);
  const resourceVersion = secret.metadata.resourceVersion ?? "";
  return { certPem, keyPem, caBundle: caPem + oldCaPem, notAfter, resourceVersion };
}

function describeStep(plan: RotationPlan): string {
  switch (plan.action) {
    case "keep":
      return "Certificates kept";
    case "issueLeaf":
      return `New serving certificate: ${plan.reason}`;
    case "stageCa":
      return `New CA beside the old one: ${plan.reason}`;
    case "dropOldCa":
      return `Old CA dropped: ${plan.reason}`;
    case "startOver":
      return `New CA and serving certificate: ${plan.reason}`;
  }
}
