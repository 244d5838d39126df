/**
 * Identity of a Replication, whatever the object is called and wherever the controller runs.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** Both ends of a Replication. Cluster ids are uids of Namespace kube-system. */
export interface ReplicationEnds {
  readonly sourceClusterId: string;
  readonly sourceNamespace: string;
  readonly destinationClusterId: string;
  readonly destinationNamespace: string;
}

/** The id of a Replication: 12 hexadecimal digits, the value of label `dr-syncer.io/managed-by` on each copy. */
export function replicationId(ends: ReplicationEnds): string {
  // None of the four can contain a slash, so no two tuples give the same text.
  const text = [ends.sourceClusterId, ends.sourceNamespace, ends.destinationClusterId, ends.destinationNamespace]
    .join("/");
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}
