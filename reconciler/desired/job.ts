/**
 * Job: only a standalone, unfinished one is mirrored, suspended.
 *
 * @module
 */

import type { KubeObject } from "../../kube/types.ts";
import { type Draft, type KindRule, type Skip, skip } from "./context.ts";
import { objectAt, objectsAt } from "./json.ts";
import { controllerOf } from "./owners.ts";
import { suspend } from "./suspend.ts";

/** Labels that the source's API server generates from the Job's uid and name. */
const GENERATED_LABELS = [
  "controller-uid",
  "job-name",
  "batch.kubernetes.io/controller-uid",
  "batch.kubernetes.io/job-name",
];

/** Rule of batch/Job. */
export const jobRule: KindRule = { skip: skipJob, sanitize: sanitizeJob, quiesce: suspend };

function skipJob(source: KubeObject): Skip | undefined {
  const owner = controllerOf(source.metadata);
  if (owner?.kind === "CronJob") return skip(source, "CronJobJob", `CronJob ${owner.name} starts its own in DR`);
  if (owner !== undefined) return skip(source, "OwnedByWorkload", `${owner.kind} ${owner.name} makes its own in DR`);
  const finished = objectsAt(source, "status", "conditions").some((condition) =>
    (condition.type === "Complete" || condition.type === "Failed") && condition.status === "True"
  );
  return finished ? skip(source, "FinishedJob", "it has finished and would run again") : undefined;
}

function sanitizeJob({ object }: Draft): void {
  delete object.metadata.annotations["batch.kubernetes.io/job-tracking"];
  const spec = objectAt(object, "spec");
  if (spec === undefined || spec.manualSelector === true) return;
  delete spec.selector;
  for (const labels of [object.metadata.labels, objectAt(spec, "template", "metadata", "labels") ?? {}]) {
    for (const label of GENERATED_LABELS) delete labels[label];
  }
}
