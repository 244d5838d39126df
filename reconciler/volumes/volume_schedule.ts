/**
 * When passes over all volumes run: by a schedule of their own, or with each full sync.
 *
 * @module
 */
import { nextFire } from "../../crds/cron.ts";
import { Schedule } from "../schedule.ts";
import type { VolumeRecord } from "./volume_record.ts";
import type { VolumeSettings } from "./volume_settings.ts";

/** The schedule of a Replication's volumes, if it has one. */
export class VolumeSchedule {
  readonly #settings: Pick<VolumeSettings, "schedule" | "timeZone">;
  readonly #cron: Schedule;

  /** Calls `fire` at each time of the schedule. */
  constructor(settings: Pick<VolumeSettings, "enabled" | "schedule" | "timeZone">, fire: () => void) {
    this.#settings = settings;
    this.#cron = new Schedule(fire);
    if (settings.enabled) this.#cron.set(settings.schedule, settings.timeZone);
  }

  get isSet(): boolean {
    return this.#settings.schedule !== undefined;
  }

  /** When it fires next; undefined without a schedule. */
  next(): Date | undefined {
    return this.#cron.next();
  }

  /** Whether a full sync is to copy a volume whose last good pass this is. */
  isDue(record: VolumeRecord | undefined, nowWallMs: number): boolean {
    return isDue(this.#settings, record, nowWallMs);
  }

  stop(): void {
    this.#cron.stop();
  }
}

/** With a schedule only what was never copied, or not since the schedule's last time: that one was missed, or went wrong. */
export function isDue(
  { schedule, timeZone }: Pick<VolumeSettings, "schedule" | "timeZone">,
  record: Pick<VolumeRecord, "syncedUpTo"> | undefined,
  nowWallMs: number,
): boolean {
  if (schedule === undefined || record === undefined) return true;
  const next = nextFire(schedule, timeZone, new Date(record.syncedUpTo));
  return next !== undefined && next.getTime() <= nowWallMs;
}
