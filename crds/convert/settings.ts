/**
 * Fields of the first version that shape a sync, each with what became of it.
 *
 * @module
 */

/** A field without counterpart: what to do instead, and the value that needs no word (its default, which changed nothing). */
export interface Dropped {
  readonly path: string;
  readonly remedy: string;
  readonly silent?: unknown;
}

const RETRIES = "each object retries by itself with a back-off of its failure class; remove it";
const FAILURES = "a failure never stops other objects: each retries by itself and is in status.failures; remove it";
const INGRESS =
  "Ingresses are mirrored as they are; change them in DR with spec.overrides and spec.ingressHostMappings";
const DATA = "volume data is copied otherwise: docs/guide/volumes.md says how, keep what copies it until then";
const NAMESPACE = "a namespace that DR lacks is created with the source's labels and annotations, one that exists is " +
  "used as it is: create it first to have it another way";

/** Fields of NamespaceMappings and Replications. */
export const DROPPED_SETTINGS: readonly Dropped[] = [
  { path: "retryConfig.maxRetries", silent: 5, remedy: RETRIES },
  { path: "retryConfig.initialBackoff", silent: "5s", remedy: RETRIES },
  { path: "retryConfig.maxBackoff", silent: "5m", remedy: RETRIES },
  { path: "retryConfig.backoffMultiplier", silent: 200, remedy: RETRIES },
  { path: "failureHandling.defaultMode", silent: "RetryAndWait", remedy: FAILURES },
  { path: "failureHandling.storageClassNotFound", silent: "WaitForNextSync", remedy: FAILURES },
  { path: "failureHandling.resourceNotFound", silent: "FailFast", remedy: FAILURES },
  { path: "failureHandling.validationFailure", silent: "FailFast", remedy: FAILURES },
  { path: "failureHandling.networkError", silent: "RetryAndWait", remedy: FAILURES },
  {
    path: "continuous.watchResources",
    silent: true,
    remedy: "for full passes only use replicationMode Scheduled; for the whole installation, flag --no-watch",
  },
  {
    path: "continuous.backgroundSyncInterval",
    silent: "1h",
    remedy:
      "full passes run every 10 minutes for all Replications; flag --resync-interval of the controller changes that",
  },
  { path: "namespaceConfig.createNamespace", silent: true, remedy: NAMESPACE },
  { path: "namespaceConfig.preserveLabels", silent: true, remedy: NAMESPACE },
  { path: "namespaceConfig.preserveAnnotations", silent: true, remedy: NAMESPACE },
  { path: "ingressConfig.preserveAnnotations", silent: true, remedy: INGRESS },
  { path: "ingressConfig.preserveTLS", silent: true, remedy: INGRESS },
  { path: "ingressConfig.preserveBackends", silent: true, remedy: INGRESS },
  {
    path: "serviceConfig.preserveClusterIP",
    silent: false,
    remedy: "DR gives each Service its own cluster IP: use its name",
  },
  { path: "tempPodKeySecretRef", remedy: "no SSH key is needed; remove it, and the Secret" },
  {
    path: "pvcConfig.syncPersistentVolumes",
    silent: false,
    remedy: "PersistentVolumes are not mirrored: DR's storage class provisions its own",
  },
  {
    path: "pvcConfig.preserveVolumeAttributes",
    silent: false,
    remedy: "set file system and mount options in DR's StorageClass",
  },
  // Nothing of a standby runs, so there is nothing to drain.
  { path: "immutableResourceConfig.drainTimeout", silent: "5m", remedy: "no Pod of a standby runs; remove it" },
  {
    path: "immutableResourceConfig.forceDeleteTimeout",
    silent: "2m",
    remedy: "a copy is deleted with preconditions, without force; remove it",
  },
  {
    path: "immutableResourceConfig.resourceOverrides",
    remedy: "one policy holds for all kinds (never for claims, volumes, namespaces, definitions); split the " +
      "Replication's kinds over two namespaces, or delete such a copy in DR when it is reported",
  },
];

/** Of the data path: they count only where data was copied. */
export const DROPPED_DATA_SETTINGS: readonly Dropped[] = [
  { path: "pvcConfig.dataSyncConfig.concurrentSyncs", silent: 2, remedy: DATA },
  { path: "pvcConfig.dataSyncConfig.timeout", silent: "30m", remedy: DATA },
  { path: "pvcConfig.dataSyncConfig.verificationMode", silent: "none", remedy: DATA },
  { path: "pvcConfig.dataSyncConfig.samplePercent", silent: 10, remedy: DATA },
  { path: "pvcConfig.dataSyncConfig", remedy: DATA },
];

/** Fields of RemoteClusters. */
export const DROPPED_CLUSTER_SETTINGS: readonly Dropped[] = [
  { path: "sshKeySecret", remedy: "no SSH key is needed; remove it, and the Secret" },
  { path: "agentDeployment", remedy: `no agents run in DR: ${DATA}` },
];

/** Fields of ClusterMappings: they were about the connection for volume data. */
export const DROPPED_MAPPING_SETTINGS: readonly Dropped[] = [
  { path: "sshKeySecretRef", remedy: "no SSH key is needed; remove it, and the Secret" },
  { path: "verifyConnectivity", silent: true, remedy: "RemoteClusters are probed always: see condition Reachable" },
  { path: "connectivityTimeoutSeconds", silent: 60, remedy: "RemoteClusters are probed with a deadline of their own" },
];
