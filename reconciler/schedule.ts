/**
 * A user's schedule: cron with a time zone.
 *
 * @module
 */
import { Cron } from "croner";

/** At most one schedule; setting another replaces it. */
export class Schedule {
  readonly #fire: () => void;
  #cron: Cron | undefined;
  #set: string | undefined;

  constructor(fire: () => void) {
    this.#fire = fire;
  }

  /** Sets the schedule (5 fields, validated before) in a time zone, UTC unless told otherwise; undefined for none. */
  set(schedule: string | undefined, timeZone = "UTC"): void {
    const wanted = schedule === undefined ? undefined : `${timeZone} ${schedule}`;
    if (wanted === this.#set) return;
    this.stop();
    this.#set = wanted;
    if (schedule === undefined) return;
    this.#cron = new Cron(schedule, { timezone: timeZone, protect: true, unref: true }, this.#fire);
  }

  /** When it fires next. */
  next(): Date | undefined {
    return this.#cron?.nextRun() ?? undefined;
  }

  stop(): void {
    this.#cron?.stop();
    this.#cron = undefined;
    this.#set = undefined;
  }
}
