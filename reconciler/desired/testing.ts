/**
 * Inputs that the tests of this folder share.
 *
 * @module
 */

import type { KubeObject, ResourceType } from "../../kube/types.ts";
import type { DesiredContext } from "./context.ts";

const IRREGULAR_PLURALS: Readonly<Record<string, string>> = { Endpoints: "endpoints" };
const SCALED = ["Deployment", "ReplicaSet", "StatefulSet", "ReplicationController", "Widget"];

/** The kind of an object, as discovery would tell it. */
export function typeOf(object: Pick<KubeObject, "apiVersion" | "kind">): ResourceType {
  const [version = "", group = ""] = object.apiVersion.split("/").reverse();
  const singular = object.kind.toLowerCase();
  return {
    group,
    version,
    resource: IRREGULAR_PLURALS[object.kind] ?? pluralOf(singular),
    kind: object.kind,
    singular,
    shortNames: [],
    namespaced: object.kind !== "Namespace",
    verbs: ["create", "delete", "get", "list", "patch", "update", "watch"],
    subresources: SCALED.includes(object.kind) ? ["scale", "status"] : ["status"],
  };
}

function pluralOf(singular: string): string {
  if (singular.endsWith("y")) return `${singular.slice(0, -1)}ies`;
  return singular.endsWith("s") ? `${singular}es` : `${singular}s`;
}

/** A context for an object of namespace `shop`, changed as told. */
export function contextFor(object: KubeObject, changes: Partial<DesiredContext> = {}): DesiredContext {
  return {
    replicationId: "a1b2c3d4e5f6",
    sourceClusterId: "c0ffee00-0000-4000-8000-000000000001",
    sourceNamespace: "shop",
    destinationNamespace: "shop",
    type: typeOf(object),
    targetApiVersion: object.apiVersion,
    scaleToZero: true,
    rbacObjects: "Mirror",
    ...(object.kind === "Widget" ? { specReplicasPath: ".spec.replicas" } : {}),
    ...changes,
  };
}

/** Names of the golden cases, and how to read one. */
export const GOLDEN_DIRECTORY = new URL("./golden/", import.meta.url);

/** Every source object among the golden cases, by case. */
export function readGoldenSources(): Map<string, KubeObject> {
  const sources = new Map<string, KubeObject>();
  for (const entry of [...Deno.readDirSync(GOLDEN_DIRECTORY)].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (!entry.name.endsWith(".in.json")) continue;
    const text = Deno.readTextFileSync(new URL(entry.name, GOLDEN_DIRECTORY));
    sources.set(entry.name.slice(0, -".in.json".length), JSON.parse(text) as KubeObject);
  }
  return sources;
}
