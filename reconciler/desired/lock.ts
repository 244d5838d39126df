/**
 * Objects used as leader election locks.
 *
 * @module
 */

import type { KubeObject } from "../../kube/types.ts";
import { type Skip, skip } from "./context.ts";

const LEADER = "control-plane.alpha.kubernetes.io/leader";

/** Skips an object that holds a leader election record, renewed every few seconds, and nothing in its `content` field. */
export function skipLock(source: KubeObject, content: string): Skip | undefined {
  if (source.metadata.annotations?.[LEADER] === undefined) return undefined;
  if (Object.keys(source[content] ?? {}).length > 0) return undefined;
  return skip(source, "LeaderElection", "it is a lock of processes in the source cluster");
}
