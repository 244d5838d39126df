/**
 * The admission server, as the main thread holds it: a thread that is watched, and started again when it dies.
 *
 * @module
 */
import { type Clock, systemClock } from "../kube/clock.ts";
import type { Log } from "../kube/log.ts";
import { addStats, type AdmissionStats, type FromWorker, NO_STATS } from "./messages.ts";
import { Pings } from "./pings.ts";
import type { Hint } from "./review.ts";
import { INITIAL_SUPERVISION, superviseStep, type SupervisionEffect, type SupervisionEvent } from "./supervision.ts";
import { type AdmissionThread, startThread } from "./thread.ts";
import type { WorldSnapshot } from "./world.ts";
import type { CertificatePair } from "./x509.ts";

/** How the admission server is run. */
export interface AdmissionOptions {
  /** Address to listen on, an IP address. */
  readonly host: string;
  /** 0: any free port. A restart takes the same one again. */
  readonly port: number;
  readonly certificate: CertificatePair;
  readonly world?: WorldSnapshot;
  /** Gets keys that may have changed; must not throw. */
  readonly onHints: (hints: readonly Hint[]) => void;
  readonly log: Log;
  /** Aborted: the thread ends at once. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  /** How a thread is started, `startThread` unless told otherwise. */
  readonly startThread?: typeof startThread;
  /** How long the first start may take, 15 s unless told otherwise. */
  readonly startDeadlineMs?: number;
  /** Time between pings, 5 s; three that are not answered within it restart the thread. */
  readonly heartbeatMs?: number;
}

/** A running admission server. */
export interface Admission {
  readonly port: number;
  /** New connections get it; no request is lost. Publish its CA in the webhook configurations first. */
  setCertificate(certificate: CertificatePair): void;
  /** What `/validate` judges by from now on. */
  setWorld(world: WorldSnapshot): void;
  /** Whether the thread answers in time. */
  ping(deadlineMs: number): Promise<boolean>;
  /** Counts of all threads so far, as of the last ping that was answered; with the number of restarts. */
  stats(): AdmissionStats & { readonly restarts: number };
  /** Sends callers away, to another server of theirs, with the answers they get; calls are answered until `stop`. */
  drain(): void;
  /** Takes no more connections, answers what is under way, and ends; cut short at the deadline. */
  stop(deadlineMs: number): Promise<void>;
}

/** Starts the thread; rejects when it does not listen in time (an address in use, a bad certificate). */
export async function startAdmission(options: AdmissionOptions): Promise<Admission> {
  const supervisor = new Supervisor(options);
  await supervisor.start();
  return supervisor;
}

class Supervisor implements Admission {
  readonly #options: AdmissionOptions;
  readonly #clock: Clock;
  readonly #heartbeatMs: number;
  readonly #pings: Pings;
  #state = INITIAL_SUPERVISION;
  #thread: AdmissionThread | undefined;
  #certificate: CertificatePair;
  #world: WorldSnapshot | undefined;
  #port: number;
  #restarts = 0;
  #earlier = NO_STATS;
  #current = NO_STATS;
  #cancelTimer = () => {};
  #started = Promise.withResolvers<void>();
  #stopped = Promise.withResolvers<void>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#heartbeatMs = options.heartbeatMs ?? 5_000;
    this.#pings = new Pings(this.#clock);
    this.#certificate = options.certificate;
    this.#world = options.world;
    this.#port = options.port;
  }

  get port(): number {
    return this.#port;
  }

  async start(): Promise<void> {
    const { signal, startDeadlineMs = 15_000 } = this.#options;
    signal?.throwIfAborted();
    const cancel = this.#clock.setTimer(
      () => this.#started.reject(new Error(`The admission thread does not listen after ${startDeadlineMs} ms`)),
      startDeadlineMs,
    );
    signal?.addEventListener("abort", this.#abort, { once: true });
    this.#spawn();
    try {
      await this.#started.promise;
    } catch (error) {
      this.#end();
      throw error;
    } finally {
      cancel();
    }
  }

  setCertificate(certificate: CertificatePair): void {
    this.#certificate = certificate;
    this.#thread?.post({ type: "certificate", certificate });
  }

  setWorld(world: WorldSnapshot): void {
    this.#world = world;
    this.#thread?.post({ type: "world", world });
  }

  ping(deadlineMs: number): Promise<boolean> {
    const thread = this.#thread;
    if (thread === undefined) return Promise.resolve(false);
    return this.#pings.ask((id) => thread.post({ type: "ping", id }), deadlineMs);
  }

  stats(): AdmissionStats & { readonly restarts: number } {
    return { ...addStats(this.#earlier, this.#current), restarts: this.#restarts };
  }

  drain(): void {
    this.#thread?.post({ type: "drain" });
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#step({ type: "stop" });
    if (this.#thread !== undefined) {
      const cancel = this.#clock.setTimer(() => this.#stopped.resolve(), deadlineMs);
      this.#thread.post({ type: "stop" });
      await this.#stopped.promise;
      cancel();
    }
    this.#end();
  }

  readonly #abort = (): void => {
    this.#started.reject(new DOMException("The admission thread was aborted", "AbortError"));
    this.#end();
  };

  #end(): void {
    this.#step({ type: "stop" });
    this.#drop();
    this.#cancelTimer();
    this.#stopped.resolve();
    this.#options.signal?.removeEventListener("abort", this.#abort);
  }

  #step(event: SupervisionEvent): void {
    const { state, effects } = superviseStep(this.#state, event);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: SupervisionEffect): void {
    switch (effect.type) {
      case "spawn":
        this.#restarts++;
        return this.#spawn();
      case "terminate":
        return this.#drop();
      case "wait":
        return this.#later(() => this.#step({ type: "due" }), effect.delayMs);
    }
  }

  #spawn(): void {
    this.#thread = (this.#options.startThread ?? startThread)(this.#options.host, this.#port, {
      message: (message) => this.#receive(message),
      died: (why) => this.#died(why),
    });
    const { host } = this.#options;
    this.#thread.post({ type: "start", host, port: this.#port, certificate: this.#certificate, world: this.#world });
    this.#beat();
  }

  /** A ping each heartbeat, also while it starts: a thread that never comes up is given up as well. */
  #beat(): void {
    this.#later(() => {
      const thread = this.#thread;
      void this.ping(this.#heartbeatMs).then((answered) => {
        if (thread !== this.#thread || this.#state.phase === "stopped") return;
        if (!answered) this.#options.log.warn("The admission thread does not answer", { afterMs: this.#heartbeatMs });
        this.#step({ type: answered ? "answered" : "silent" });
        if (thread === this.#thread) this.#beat();
      });
    }, this.#heartbeatMs);
  }

  #later(then: () => void, delayMs: number): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#clock.setTimer(then, delayMs);
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case "listening":
        this.#port = message.port;
        this.#options.log.info("Admission server listens", { host: this.#options.host, port: message.port });
        this.#started.resolve();
        return this.#step({ type: "listening" });
      case "hints":
        this.#thread?.post({ type: "taken" });
        return this.#options.onHints(message.hints);
      case "pong":
        this.#current = message.stats;
        return this.#pings.answered(message.id);
      case "error":
        if (message.fatal) return this.#died(message.message);
        return this.#options.log.error("Admission thread", { error: message.message });
      case "stopped":
        return this.#stopped.resolve();
    }
  }

  #died(why: string): void {
    this.#options.log.error("The admission thread died", { why, restarts: this.#restarts });
    this.#started.reject(new Error(`The admission thread cannot start: ${why}`)); // no effect once it listened
    this.#step({ type: "died" });
  }

  #drop(): void {
    this.#thread?.terminate();
    this.#thread = undefined;
    this.#earlier = addStats(this.#earlier, { ...this.#current, pending: 0 });
    this.#current = NO_STATS;
    this.#pings.giveUp();
  }
}
