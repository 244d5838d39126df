/**
 * Shows passes while they run: watches Pods in both clusters, and the Replication.
 *
 * @module
 */
import { CONTROL_NAMESPACE } from "../../../crds/keys.ts";
import { findType } from "../../../kube/resolve_type.ts";
import { PODS } from "../../../reconciler/builtin_types.ts";
import { NAMESPACE } from "../application.ts";
import type { Board } from "../board.ts";
import { Observer } from "../observer.ts";
import type { Stage } from "../stage.ts";
import { PassView } from "./pass_view.ts";

/** Shows what becomes of a claim's volume until `watches` is disposed. */
export async function followVolume(
  claim: string,
  { source, dr }: Stage,
  board: Board,
  watches: AsyncDisposableStack,
): Promise<PassView> {
  const replications = findType(await source.client.discover(), { group: "dr-syncer.io", kind: "Replication" });
  if (replications === undefined) throw new Error("Cannot watch Replications: the source does not serve them");
  const view = new PassView(claim, {
    tell: (line) => board.tell(line),
    progress: (line) => board.replace(line),
    nowMs: () => performance.now(),
  });
  const sourcePods = new Observer(source.client, NAMESPACE, (sighting) => view.pod("source", sighting));
  const drPods = new Observer(dr.client, NAMESPACE, (sighting) => view.pod("dr", sighting));
  const status = new Observer(source.client, CONTROL_NAMESPACE, ({ change, object }) => {
    if (change !== "Deleted") view.status(object);
  });
  for (const observer of [sourcePods, drPods, status]) watches.use(observer);
  await Promise.all([sourcePods.watch(PODS), drPods.watch(PODS), status.watch(replications)]);
  return view;
}
