/**
 * The tunnel: ssh of a target agent reaches its source through both API servers, and this process between them.
 *
 * A leg to the target agent is kept waiting there (agent/relay_door.ts). Once ssh speaks on it, it is joined with a leg to the
 * source agent's sshd, and another is kept waiting: a connection that is cut is made anew as soon as ssh wants one.
 *
 * @module
 */
import { type Clock, waitFor } from "../../kube/clock.ts";
import type { PortForward } from "../../kube/port_forward.ts";
import type { KubeClient } from "../../kube/types.ts";
import { relay, type RelayCount } from "./relay.ts";

/** Port of a target agent at which it is met by a relay. */
export const RELAY_PORT = 2223;
/** The agent listens a moment after it is told to. */
const RETRY_MS = 250;
/** Connections of one pass at once: ssh shares one. */
const MAX_JOINED = 4;

/** One end of the tunnel. */
export interface TunnelEnd {
  readonly client: Pick<KubeClient, "portForward">;
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
}

/** What a tunnel needs. */
export interface TunnelPorts {
  readonly clock: Clock;
  /** Aborted: every connection is closed, and nothing opened any more. */
  readonly signal: AbortSignal;
  /** A connection through it is over. */
  onEnd(count: RelayCount): void;
  /** A leg could not be had, or broke. */
  onProblem(error: unknown): void;
}

/** Serves until the signal is aborted; never rejects. */
export async function serveTunnel(
  { source, target }: { readonly source: TunnelEnd; readonly target: TunnelEnd },
  { clock, signal, onEnd, onProblem }: TunnelPorts,
): Promise<void> {
  const joined = new Set<Promise<void>>();
  while (!signal.aborted) {
    try {
      const caller = await untilSpoken(await open(target, signal));
      if (caller !== undefined) {
        const joining = join(caller, source, signal).then(({ error, ...count }) => {
          if (error !== undefined) onProblem(error);
          onEnd(count);
        }, onProblem).finally(() => joined.delete(joining));
        joined.add(joining);
        if (joined.size >= MAX_JOINED) await Promise.race(joined);
        continue;
      }
    } catch (error) {
      if (!signal.aborted) onProblem(error);
    }
    await waitFor(clock, RETRY_MS, signal);
  }
  await Promise.all(joined);
}

function open({ client, namespace, pod, port }: TunnelEnd, signal: AbortSignal): Promise<PortForward> {
  return client.portForward({ namespace, pod, port, signal });
}

/** Whoever speaks first, with what was said; undefined when the leg ends before that. */
async function untilSpoken(leg: PortForward): Promise<PortForward | undefined> {
  const chunks = leg.chunks()[Symbol.asyncIterator]();
  const first = await chunks.next();
  if (first.done === true) return undefined;
  return {
    ...leg,
    async *chunks() {
      yield first.value;
      yield* { [Symbol.asyncIterator]: () => chunks };
    },
  };
}

async function join(caller: PortForward, source: TunnelEnd, signal: AbortSignal) {
  try {
    return await relay(caller, await open(source, signal));
  } finally {
    caller.close();
  }
}
