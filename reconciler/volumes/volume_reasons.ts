/**
 * Every reason that the status of a volume may give. docs/runbooks/volumes.md says of each what to do.
 *
 * @module
 */

/** Reasons of our own, then the agent's holds and failures, then failure classes of calls to an API server. */
export const VOLUME_REASONS = [
  ...["Waiting", "Stopped", "NotBound", "ExclusiveClaim", "TargetInUse", "TargetDeleted", "BlockVolume"] as const,
  ...["SourceMoved", "AgentNotReady", "AgentEnded"] as const,
  ...["SourceShrank", "SourceChanged", "MassDelete"] as const,
  ...["PathsFailed", "TooManyDeletes", "GuardRefused", "TargetFull", "TargetWrite"] as const,
  ...["HostKeyChanged", "KeyRefused", "ConnectionLost", "TimedOut", "SourceBusy"] as const,
  ...["UnknownModule", "SourceMissing", "Unsupported", "OutOfMemory", "Unknown"] as const,
  ...["Busy", "Foreign", "CensusFailed", "Settings", "Unheard", "Internal"] as const,
  ...["Transient", "Unreachable", "Throttled", "Conflict", "Denied", "Quota", "Immutable", "FieldUnknown"] as const,
  ...["KindMissing", "NamespaceMissing", "NamespaceTerminating", "Invalid", "Forbidden", "Fenced"] as const,
] as const;

/** Why a volume is as it is. What is none of these does not compile. */
export type VolumeReason = (typeof VOLUME_REASONS)[number];
