/**
 * One round: the Replication, the shop, its changes; then the states.
 *
 * @module
 */
import { CONTROL_NAMESPACE } from "../../crds/keys.ts";
import { findType } from "../../kube/resolve_type.ts";
import type { Discovery, KubeClient, KubeObject } from "../../kube/types.ts";
import { waitFor } from "../wait.ts";
import { NAMESPACE, readApplication } from "./application.ts";
import { Arrivals } from "./arrivals.ts";
import type { Board } from "./board.ts";
import { compareNamespaces, type Comparison } from "./comparison.ts";
import { keyOf, Observer } from "./observer.ts";
import { type Act, type Actor, applyAct, applyFirstAct, changeActs, startAct } from "./play.ts";
import type { Stage } from "./stage.ts";
import { type Summary, sumUp } from "./summary.ts";

/** A round's surroundings. */
export interface RoundOptions {
  readonly stage: Stage;
  readonly board: Board;
  /** How long a change may take to arrive, in milliseconds. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/** Plays a round; what does not arrive in time ends it early and is in the summary. */
export async function playRound(options: RoundOptions): Promise<Summary> {
  const { stage, board, signal } = options;
  const arrivals = new Arrivals((position, arrival) => board.show(position, arrival));
  await using observer = new Observer(stage.dr.client, NAMESPACE, ({ type, change, object, atMs }) => {
    arrivals.seen(keyOf(type, object.metadata.name), change === "Deleted" ? undefined : object, atMs);
  });
  await observer.start();
  const arrived = await playActs(options, arrivals);
  const comparison = await compare(options, arrived);
  signal.throwIfAborted();
  return sumUp(arrivals.all, comparison);
}

async function playActs(options: RoundOptions, arrivals: Arrivals): Promise<boolean> {
  const { stage, board, signal } = options;
  const { client } = stage.source;
  const play = (acts: readonly Act[]) => performAll(acts, arrivals, options);
  const actor: Actor = { client, signal, discovery: await client.discover({ signal }) };
  await stage.source.cluster.kubectl(["create", "namespace", NAMESPACE], { signal });

  board.head(`A Replication of namespace ${NAMESPACE}, from source to dr`);
  if (!await play([startAct(actor)])) return false;
  await waitUntilSynced(options);

  board.head("The application: kubectl apply -f tests/demo/shop.yaml");
  const [definition, ...objects] = await readApplication() as [KubeObject, ...KubeObject[]];
  await applyAct(actor, definition).write();
  const shop = { ...actor, discovery: await untilServed(client, definition, signal) };
  const isCustom = ({ kind }: KubeObject) => kind === "Coupon";
  const apply = (object: KubeObject) =>
    isCustom(object) ? applyFirstAct(shop, object, definition) : applyAct(shop, object);
  if (!await play(objects.map(apply))) return false;

  board.head("Its changes");
  return await play(changeActs(shop));
}

/** Waits for the end of the first pass. When it does not come, the arrivals will tell. */
async function waitUntilSynced({ stage, waitMs, signal }: RoundOptions): Promise<void> {
  const args = ["wait", "-n", CONTROL_NAMESPACE, "--for=condition=Synced", `--timeout=${waitMs}ms`];
  await stage.source.cluster.kubectl([...args, `replication/${NAMESPACE}`], { signal, allowFailure: true });
}

/** Writes one after the other, as kubectl does, without waiting for arrivals; then waits for all. */
async function performAll(acts: readonly Act[], arrivals: Arrivals, { waitMs, signal }: RoundOptions) {
  for (const { changes, write } of acts) await arrivals.perform(changes, write);
  return await arrivals.waitForAll(waitMs, signal);
}

/** The kinds of the cluster, once the defined one is among them. */
async function untilServed(client: KubeClient, definition: KubeObject, signal: AbortSignal): Promise<Discovery> {
  const { group, names: { kind } } = definition.spec as { group: string; names: { kind: string } };
  return await waitFor(`${kind} among the kinds of the source`, async () => {
    const discovery = await client.discover({ signal });
    return findType(discovery, { group, kind }) && discovery;
  }, { deadlineMs: 30_000, signal });
}

/** Waits for what the workloads' controllers make on their own (a StatefulSet its claims), then compares. */
async function compare({ stage, waitMs, signal }: RoundOptions, arrived: boolean): Promise<Comparison | null> {
  let last: Comparison | null = null;
  const look = async () => {
    last = await compareNamespaces(stage.source.client, stage.dr.client, NAMESPACE, signal);
    return last.missing.length === 0;
  };
  await waitFor("a copy of everything", look, { deadlineMs: arrived ? waitMs : 5_000, pollMs: 500, signal })
    .catch(() => signal.throwIfAborted());
  return last;
}
