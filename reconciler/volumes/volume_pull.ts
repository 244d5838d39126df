/**
 * The target agent pulls: over one path after the other until one reaches the source, and again where one breaks.
 *
 * @module
 */
import type { PassRequestInput } from "../../agent/protocol.ts";
import type { PassReport, PassState } from "../../agent/report.ts";
import { type Clock, waitFor } from "../../kube/clock.ts";
import { SSH_PORT } from "./agent_manifests.ts";
import { AgentError, type PairEnd } from "./agent_pair.ts";
import { commandPass } from "./agent_stream.ts";
import type { VolumePath } from "./path_plan.ts";
import { currentRoute, nextStep, type Route, type Walk } from "./path_walk.ts";
import type { RelayCount } from "./relay.ts";
import { RELAY_PORT, serveTunnel } from "./tunnel.ts";

const PAUSE_MS = 1_000;
/** Reasons of a pass that failed on its way to the source. */
const ON_THE_WAY: readonly string[] = ["Unreachable", "ConnectionLost", "TimedOut"];

/** What pulling needs. */
export interface PullPorts {
  readonly ends: { readonly source: PairEnd; readonly target: PairEnd };
  readonly clock: Clock;
  /** Aborted: the pass stops. */
  readonly signal: AbortSignal;
  onProgress(state: PassState): void;
  /** A path did not reach the source, or broke. */
  onDead(path: VolumePath, message: string): void;
  /** A connection through the tunnel is over. */
  onTunnelled(count: RelayCount): void;
}

/** How it ended, over which path, and over which ones nothing had come. */
export interface PullEnd {
  readonly report: PassReport;
  readonly path: VolumePath;
  /** Whether the last attempt did not fail on its way to the source. */
  readonly reached: boolean;
  readonly dead: ReadonlySet<VolumePath>;
}

/** A request without the way to the source. */
export type PullRequest = Omit<PassRequestInput, "source">;

/** Undefined when the agents have no address, or said nothing. Throws `KubeError` and `AgentError`. */
export async function pullVolume(
  request: PullRequest,
  first: Walk,
  ports: PullPorts,
): Promise<PullEnd | undefined> {
  using tunnel = new LazyTunnel(ports);
  const dead = new Set<VolumePath>();
  let last: PullEnd | undefined;
  for (let walk: Walk | undefined = first; walk !== undefined;) {
    const route = currentRoute(walk);
    if (route === undefined) return last;
    if (walk.attempts > 0) await pause(ports);
    if (route.path === "Tunnel") tunnel.serve();
    const pass = { ...request, passId: `${request.passId}-${walk.attempts}`, source: wayOf(route, ports) };
    const report = await attempt(pass, ports);
    if (report === undefined) return last;
    const failure = failureOf(report);
    if (failure === undefined) return { report, path: route.path, reached: true, dead };
    const message = [failure, ...(route.path === "Tunnel" ? tunnel.takeProblems() : [])].join("; ");
    ports.onDead(route.path, message);
    const moved = report.source !== undefined;
    if (!moved) dead.add(route.path);
    last = { report: withMessage(report, message), path: route.path, reached: false, dead };
    walk = nextStep(walk, moved, ports.clock.nowMs());
  }
  return last;
}

/** What was said of the way, if the pass failed there. */
function failureOf({ outcome }: PassReport): string | undefined {
  return outcome.kind === "failed" && ON_THE_WAY.includes(outcome.reason) ? outcome.message : undefined;
}

function withMessage(report: PassReport, message: string): PassReport {
  const { outcome } = report;
  return outcome.kind === "failed" ? { ...report, outcome: { ...outcome, message } } : report;
}

/** Without agents there is no way. Throws `AgentError`. */
async function pause({ ends, clock, signal }: PullPorts): Promise<void> {
  await waitFor(clock, PAUSE_MS, signal);
  signal.throwIfAborted();
  for (const { pods, spec: { name } } of [ends.source, ends.target]) {
    const pod = pods.get(name);
    if (pod !== undefined && !pod.isOver) continue;
    throw new AgentError("AgentEnded", `agent ${name} ended: ${pod?.trouble ?? "without a word"}`);
  }
}

function wayOf(route: Route, { ends }: PullPorts): PassRequestInput["source"] {
  const hostKeyAlias = ends.source.spec.name;
  if (route.path === "Direct") return { ...route.address, hostKeyAlias };
  return { host: "127.0.0.1", port: RELAY_PORT, hostKeyAlias, relayed: true };
}

async function attempt(pass: PassRequestInput, { ends: { target }, clock, signal, onProgress }: PullPorts) {
  signal.throwIfAborted();
  const report = await commandPass(pass, {
    client: target.client,
    namespace: target.spec.namespace,
    pod: target.spec.name,
    clock,
    signal,
    onProgress,
  });
  signal.throwIfAborted();
  return report;
}

/** A tunnel from the first time it is wanted until the pull is over. */
class LazyTunnel implements Disposable {
  readonly #ports: PullPorts;
  readonly #over = new AbortController();
  #isServed = false;
  #problems: string[] = [];

  constructor(ports: PullPorts) {
    this.#ports = ports;
  }

  serve(): void {
    if (this.#isServed) return;
    this.#isServed = true;
    const { ends: { source, target }, clock, signal, onTunnelled } = this.#ports;
    const end = ({ client, spec: { namespace, name: pod } }: PairEnd, port: number) => {
      return { client, namespace, pod, port };
    };
    void serveTunnel({ source: end(source, SSH_PORT), target: end(target, RELAY_PORT) }, {
      clock,
      signal: AbortSignal.any([signal, this.#over.signal]),
      onEnd: onTunnelled,
      onProblem: (error) => this.#problems = [error instanceof Error ? error.message : String(error)],
    });
  }

  /** What kept it from working since the last time somebody asked. */
  takeProblems(): string[] {
    return this.#problems.splice(0);
  }

  [Symbol.dispose](): void {
    this.#over.abort();
  }
}
