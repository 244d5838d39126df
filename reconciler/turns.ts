/**
 * Who gets the next turn at a DR cluster: plain data in, plain data out.
 *
 * Ordinary turns go to whoever holds fewest. Beside them are a few spare ones, so that nobody waits for turns that take long:
 * a queue that holds less than its share gets one at once, and so does an urgent key among keys that a resync found.
 *
 * @module
 */

/** What a queue has and wants. */
export interface LaneLoad {
  /** Keys that could be taken now, urgent ones among them. */
  readonly ready: number;
  /** Urgent keys that could be taken now. */
  readonly readyUrgent: number;
  /** Turns under way, spare ones among them. */
  readonly running: number;
  /** Turns of urgent keys under way. */
  readonly runningUrgent: number;
  /** Spare turns under way. */
  readonly spare: number;
}

/** The lane that is to begin a turn. */
export interface NextTurn {
  readonly lane: number;
  readonly spare: boolean;
}

/** A queue may hold this part of the spare turns: slow ones of a few queues leave some to others. */
const QUEUES_WITH_SPARE = 4;

/** Turns beyond the ordinary ones: half as many. */
export function spareTurns(limit: number): number {
  return Math.ceil(limit / 2);
}

/**
 * Chooses the lane of the next turn; undefined when none may begin.
 *
 * @param limit Ordinary turns at once.
 * @param first Lane to which a draw goes, or to the next one after it.
 */
export function nextTurn(lanes: readonly LaneLoad[], limit: number, first: number): NextTurn | undefined {
  const inUse = lanes.reduce((sum, { running }) => sum + running, 0);
  const spareInUse = lanes.reduce((sum, { spare }) => sum + spare, 0);
  if (inUse - spareInUse < limit) {
    const lane = fewestTurns(lanes, first, ({ ready }) => ready > 0);
    return lane === undefined ? undefined : { lane, spare: false };
  }
  const spare = spareTurns(limit);
  // After a cut the limit counts for spare turns, too: what is under way from before has used them up.
  if (inUse >= limit + spare) return undefined;
  const most = Math.max(1, Math.floor(spare / QUEUES_WITH_SPARE));
  const share = limit / lanes.filter(({ ready, running }) => ready + running > 0).length;
  const lane = fewestTurns(lanes, first, (load) => {
    if (load.ready === 0 || load.spare >= most) return false;
    return load.running < share || (load.readyUrgent > 0 && load.runningUrgent < most);
  });
  return lane === undefined ? undefined : { lane, spare: true };
}

function fewestTurns(
  lanes: readonly LaneLoad[],
  first: number,
  mayBegin: (lane: LaneLoad) => boolean,
): number | undefined {
  let found: number | undefined;
  for (let i = 0; i < lanes.length; i++) {
    const index = (first + i) % lanes.length;
    const lane = lanes[index];
    if (lane === undefined || !mayBegin(lane)) continue;
    if (found === undefined || lane.running < (lanes[found]?.running ?? 0)) found = index;
  }
  return found;
}
