/**
 * Our kinds as the API server serves them.
 *
 * @module
 */
import type { ResourceType } from "../kube/types.ts";
import { GROUP, VERSION } from "./keys.ts";

const VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/** Replications. */
export const REPLICATIONS: ResourceType = {
  group: GROUP,
  version: VERSION,
  resource: "replications",
  kind: "Replication",
  singular: "replication",
  shortNames: ["repl"],
  namespaced: true,
  verbs: VERBS,
  subresources: ["status"],
};

/** RemoteClusters. */
export const REMOTE_CLUSTERS: ResourceType = {
  group: GROUP,
  version: VERSION,
  resource: "remoteclusters",
  kind: "RemoteCluster",
  singular: "remotecluster",
  shortNames: ["rcl"],
  namespaced: true,
  verbs: VERBS,
  subresources: ["status"],
};
