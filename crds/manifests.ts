/**
 * The CustomResourceDefinitions of our kinds.
 *
 * @module
 */
import type { KubeObject, ResourceType } from "../kube/types.ts";
import { COMPONENT } from "./keys.ts";
import { type StructuralSchema, toStructuralSchema } from "./openapi.ts";
import { REMOTE_CLUSTERS, REPLICATIONS } from "./resource_types.ts";
import { remoteCluster } from "./schema/remote_cluster.ts";
import { replication } from "./schema/replication.ts";

/** A column of `kubectl get`. */
export interface PrinterColumn {
  name: string;
  type: "string" | "integer" | "date";
  jsonPath: string;
  description: string;
  priority?: number;
}

/** What the CRD and the reference of a kind are made from. */
export interface KindDefinition {
  readonly type: ResourceType;
  readonly schema: StructuralSchema;
  readonly columns: readonly PrinterColumn[];
  /** How to ask kubectl for it. */
  readonly usage: string;
}

const AGE: PrinterColumn = {
  name: "Age",
  type: "date",
  jsonPath: ".metadata.creationTimestamp",
  description: "Since when it exists.",
};

const REMOTE_CLUSTER_COLUMNS: readonly PrinterColumn[] = [
  { name: "Health", type: "string", jsonPath: ".status.health", description: "All in one word." },
  { name: "Version", type: "string", jsonPath: ".status.kubernetesVersion", description: "Version of Kubernetes." },
  {
    name: "Reachable",
    type: "string",
    jsonPath: '.status.conditions[?(@.type=="Reachable")].reason',
    description: "Reason of condition Reachable.",
  },
  AGE,
];

const REPLICATION_COLUMNS: readonly PrinterColumn[] = [
  { name: "Source", type: "string", jsonPath: ".spec.sourceNamespace", description: "Source namespace." },
  {
    name: "Destination",
    type: "string",
    jsonPath: ".status.destinationNamespace",
    description: "DR namespace.",
  },
  { name: "Cluster", type: "string", jsonPath: ".spec.destinationCluster", description: "DR cluster." },
  { name: "Mode", type: "string", jsonPath: ".spec.replicationMode", description: "Replication mode." },
  { name: "Phase", type: "string", jsonPath: ".status.phase", description: "All in one word." },
  { name: "Role", type: "string", jsonPath: ".status.role", description: "Role of the DR namespace." },
  { name: "Synced", type: "integer", jsonPath: ".status.syncStats.successfulSyncs", description: "Objects in DR." },
  { name: "Failed", type: "integer", jsonPath: ".status.syncStats.failedSyncs", description: "Objects DR refused." },
  { name: "Synced To", type: "date", jsonPath: ".status.syncedUpTo", description: "How old DR is." },
  AGE,
  {
    name: "Volumes",
    type: "integer",
    jsonPath: ".status.volumeStats.total",
    description: "Claims whose data is to be in DR; with `-o wide`.",
    priority: 1,
  },
  {
    name: "Volumes Synced",
    type: "integer",
    jsonPath: ".status.volumeStats.synced",
    description: "Of these, with a last pass that ended well; with `-o wide`.",
    priority: 1,
  },
  {
    name: "Volumes State",
    type: "string",
    jsonPath: '.status.conditions[?(@.type=="VolumesSynced")].reason',
    description: "Reason of condition VolumesSynced; with `-o wide`.",
    priority: 1,
  },
];

/** Definitions of our kinds. */
export function kindDefinitions(): KindDefinition[] {
  return [
    {
      type: REMOTE_CLUSTERS,
      schema: withMetadata(toStructuralSchema(remoteCluster)),
      columns: REMOTE_CLUSTER_COLUMNS,
      usage: "`kubectl get remoteclusters` or `rcl` (`rc` is a ReplicationController to kubectl)",
    },
    {
      type: REPLICATIONS,
      schema: withMetadata(toStructuralSchema(replication)),
      columns: REPLICATION_COLUMNS,
      usage: "`kubectl get replications`, or `repl`",
    },
  ];
}

/** The CustomResourceDefinitions of our kinds, ready to be applied. */
export function crdManifests(): KubeObject[] {
  return kindDefinitions().map(toCrd);
}

function withMetadata(schema: StructuralSchema): StructuralSchema {
  return {
    ...schema,
    properties: {
      apiVersion: { type: "string" },
      kind: { type: "string" },
      metadata: { type: "object" },
      ...schema.properties,
    },
  };
}

function toCrd({ type, schema, columns }: KindDefinition): KubeObject {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${type.resource}.${type.group}`, labels: { [COMPONENT]: "crd" } },
    spec: {
      group: type.group,
      scope: "Namespaced",
      names: {
        kind: type.kind,
        listKind: `${type.kind}List`,
        plural: type.resource,
        singular: type.singular,
        shortNames: [...type.shortNames],
      },
      versions: [{
        name: type.version,
        served: true,
        storage: true,
        schema: { openAPIV3Schema: schema },
        subresources: { status: {} },
        additionalPrinterColumns: columns.map((column) => ({ ...column })),
      }],
    },
  };
}
