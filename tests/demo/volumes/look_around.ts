/**
 * How to look around once a Pod runs in DR, and what becomes of the volume meanwhile.
 *
 * @module
 */
import { CONTROL_NAMESPACE } from "../../../crds/keys.ts";
import { NAMESPACE } from "../application.ts";
import type { Board } from "../board.ts";
import { offerCommands } from "../look_around.ts";
import type { Stage } from "../stage.ts";
import { followVolume } from "./follow.ts";
import { CLAIM, POD } from "./play.ts";

/** Stays until the signal is aborted. */
export async function stayWithVolumes(stage: Stage, board: Board, signal: AbortSignal): Promise<void> {
  const [shop, control] = [`-n ${NAMESPACE}`, `-n ${CONTROL_NAMESPACE}`];
  const last = `${shop} ${POD} -- tail -n 1 /data/orders.log`;
  offerCommands(stage, board, [
    [`dr exec ${last}`, "the shop is open in DR: the numbers go on"],
    [`src exec ${last}`, "and stand still in the source"],
    [`dr get configmap dr-syncer-volumes ${shop} -o yaml`, "how old its data was, known to DR alone"],
    [`src describe replication ${NAMESPACE} ${control}`, "Active: nothing is written to DR any more"],
    [`dr scale statefulset orders ${shop} --replicas=0`, "close it again, and…"],
    [`dr annotate --overwrite lease dr-syncer ${shop} dr-syncer.io/role=Standby`, "…DR is a standby again:"],
    [
      `src annotate --overwrite replication ${NAMESPACE} ${control} dr-syncer.io/sync-now=again`,
      "watch the pass below",
    ],
    [`src exec ${shop} ${POD} -- rm /tmp/closed`, "the source's shop opens again, for another pass"],
  ]);
  board.tell();
  board.tell(board.bold(`What becomes of ${CLAIM} now. Ctrl-C ends and cleans up.`));
  await using watches = new AsyncDisposableStack();
  await followVolume(CLAIM, stage, board, watches);
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve(), { once: true });
  if (signal.aborted) resolve();
  await ended;
}
