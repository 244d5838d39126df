/**
 * Endpoints and EndpointSlice: only those that a person wrote for a Service without selector.
 *
 * @module
 */

import type { KubeObject } from "../../kube/types.ts";
import { type DesiredContext, type Draft, type KindRule, type Skip, skip } from "./context.ts";
import { isObject } from "./json.ts";
import { skipLock } from "./lock.ts";

const CHANGE_TIME = "endpoints.kubernetes.io/last-change-trigger-time";
const SLICE_MANAGER = "endpointslice.kubernetes.io/managed-by";
const CONTROLLERS: ReadonlySet<string> = new Set([
  "endpoint-controller",
  "endpointslice-controller.k8s.io",
  "endpointslicemirroring-controller.k8s.io",
]);

/** Rule of Endpoints. */
export const endpointsRule: KindRule = { skip: skipEndpoints, sanitize: dropChangeTime };

/** Rule of discovery.k8s.io/EndpointSlice. */
export const endpointSliceRule: KindRule = { skip: skipSlice, sanitize: dropChangeTime };

/** Servers before 1.33 put no label on what the endpoint controller makes: its manager name tells. */
function skipEndpoints(source: KubeObject, context: DesiredContext): Skip | undefined {
  if (isApiServer(source.metadata.name, context)) return skipApiServer(source);
  const manager = source.metadata.labels?.["endpoints.kubernetes.io/managed-by"] ?? "";
  const managed = CONTROLLERS.has(manager) || source.metadata.annotations?.[CHANGE_TIME] !== undefined ||
    source.metadata.managedFields?.some((entry) => isObject(entry) && entry.manager === "kube-controller-manager");
  return managed ? skipManaged(source) : skipLock(source, "subsets");
}

function skipSlice(source: KubeObject, context: DesiredContext): Skip | undefined {
  const labels = source.metadata.labels ?? {};
  if (isApiServer(labels["kubernetes.io/service-name"], context)) return skipApiServer(source);
  return CONTROLLERS.has(labels[SLICE_MANAGER] ?? "") ? skipManaged(source) : undefined;
}

function skipManaged(source: KubeObject): Skip {
  return skip(source, "ManagedEndpoints", "an endpoint controller in DR makes its own");
}

function skipApiServer(source: KubeObject): Skip {
  return skip(source, "ExcludedName", "it is the source's API server");
}

/** Whether a Service name is that of the API server itself. */
export function isApiServer(serviceName: string | undefined, context: DesiredContext): boolean {
  return context.sourceNamespace === "default" && serviceName === "kubernetes";
}

function dropChangeTime({ object }: Draft): void {
  delete object.metadata.annotations[CHANGE_TIME];
}
