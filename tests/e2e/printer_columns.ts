/** What `kubectl get replications` prints above its rows. */
export const REPLICATION_COLUMNS = [
  "NAME",
  "SOURCE",
  "DESTINATION",
  "CLUSTER",
  "MODE",
  "PHASE",
  "ROLE",
  "SYNCED",
  "FAILED",
  "SYNCED TO",
  "AGE",
];
