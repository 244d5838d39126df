/**
 * The ValidatingWebhookConfigurations that call us, as they should be; pure. `configurations.ts` keeps them.
 *
 * @module
 */
import { COMPONENT, GROUP, VERSION } from "../crds/keys.ts";
import type { KubeObject, OwnerReference } from "../kube/types.ts";
import { type MatchCondition, OBSERVE_CONDITIONS, ownWritesCondition, VALIDATE_CONDITIONS } from "./conditions.ts";

/** Configuration that judges our own kinds; served by every replica. */
export const VALIDATE_CONFIGURATION = "dr-syncer-validate";
/** Configuration that hears of writes in mirrored namespaces; served by the leader. */
export const OBSERVE_CONFIGURATION = "dr-syncer-observe";

/** Where API servers reach us: a Service, or a base URL (`https://127.0.0.1:8443`) outside of a cluster. */
export type Endpoint =
  | { readonly service: { readonly name: string; readonly namespace: string; readonly port: number } }
  | { readonly url: string };

/** What the configurations depend on. */
export interface ConfigurationOptions {
  /** CA certificates, PEM. */
  readonly caBundle: string;
  readonly validate: Endpoint;
  readonly observe: Endpoint;
  /** Source namespaces to hear of, any order. Empty: no configuration for `/observe` (an empty `In` is invalid). */
  readonly namespaces: readonly string[];
  /** Users whose writes are our own, `system:serviceaccount:<namespace>:<name>`. */
  readonly ownUserNames: readonly string[];
  /** What they go with: garbage collection takes them when an uninstallation ends us before we could. */
  readonly owner: OwnerReference;
}

/** Added to each source write at worst, when we are frozen. */
const OBSERVE_TIMEOUT_SECONDS = 1;
const VALIDATE_TIMEOUT_SECONDS = 5;

/** The configurations that should exist; equal input gives equal output. */
export function desiredConfigurations(options: ConfigurationOptions): KubeObject[] {
  const validate = configuration(VALIDATE_CONFIGURATION, options.owner, validateWebhook(options));
  if (options.namespaces.length === 0) return [validate];
  return [validate, configuration(OBSERVE_CONFIGURATION, options.owner, observeWebhook(options))];
}

function configuration(name: string, owner: OwnerReference, webhook: Record<string, unknown>): KubeObject {
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name, labels: { [COMPONENT]: "webhook" }, ownerReferences: [owner] },
    webhooks: [webhook],
  };
}

function validateWebhook(options: ConfigurationOptions): Record<string, unknown> {
  return {
    ...common(VALIDATE_CONFIGURATION, options.caBundle, options.validate, "/validate"),
    failurePolicy: "Fail",
    timeoutSeconds: VALIDATE_TIMEOUT_SECONDS,
    sideEffects: "None",
    matchPolicy: "Equivalent", // an object written through another version of ours is converted first
    namespaceSelector: {},
    rules: [rule([GROUP], [VERSION], ["replications", "remoteclusters"], ["CREATE", "UPDATE"])],
    matchConditions: VALIDATE_CONDITIONS,
  };
}

function observeWebhook(options: ConfigurationOptions): Record<string, unknown> {
  const names = [...new Set(options.namespaces)].sort();
  const matchConditions: readonly MatchCondition[] = [
    ...OBSERVE_CONDITIONS,
    ...ownWritesCondition(options.ownUserNames),
  ];
  return {
    ...common(OBSERVE_CONFIGURATION, options.caBundle, options.observe, "/observe"),
    failurePolicy: "Ignore",
    timeoutSeconds: OBSERVE_TIMEOUT_SECONDS,
    sideEffects: "NoneOnDryRun",
    matchPolicy: "Exact", // `*` meets every version as it is written: nothing to convert, one call a write
    namespaceSelector: { matchExpressions: [{ key: "kubernetes.io/metadata.name", operator: "In", values: names }] },
    rules: [rule(["*"], ["*"], ["*", "*/scale"], ["CREATE", "UPDATE", "DELETE"])],
    matchConditions,
  };
}

function common(name: string, caBundle: string, endpoint: Endpoint, path: string): Record<string, unknown> {
  return {
    name: `${name}.${GROUP}`,
    admissionReviewVersions: ["v1"],
    clientConfig: { ...target(endpoint, path), caBundle: btoa(caBundle) },
    objectSelector: {},
  };
}

function target(endpoint: Endpoint, path: string): Record<string, unknown> {
  if ("url" in endpoint) return { url: endpoint.url.replace(/\/$/, "") + path };
  const { name, namespace, port } = endpoint.service;
  return { service: { name, namespace, path, port } };
}

function rule(
  apiGroups: readonly string[],
  apiVersions: readonly string[],
  resources: readonly string[],
  operations: readonly string[],
): Record<string, unknown> {
  return { apiGroups, apiVersions, resources, operations, scope: "Namespaced" };
}
