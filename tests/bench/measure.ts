/**
 * One run: what the options ask for, measured in the order in which the parts disturb each other least.
 *
 * @module
 */
import { type BusyFigures, measureBusy } from "./busy.ts";
import { type FirstSyncFigures, measureFirstSync } from "./first_sync.ts";
import { type HookFigures, measureHook } from "./hook.ts";
import { type LagFigures, measureLag, prepareLag } from "./lag.ts";
import { type LargeFigures, measureLarge } from "./large.ts";
import type { BenchOptions, Part } from "./options.ts";
import { type MemoryFigures, readMemory } from "./process_figures.ts";
import { measureResync, type ResyncFigures } from "./resync.ts";
import { type Stage, startStage } from "./stage.ts";

/** What one run found; parts that were not asked for are missing. */
export interface Figures {
  readonly lag?: LagFigures[];
  readonly hook?: HookFigures;
  readonly first?: FirstSyncFigures[];
  readonly resync?: ResyncFigures;
  readonly memory?: MemoryFigures & { readonly objects: number };
  readonly busy?: BusyFigures;
  readonly large?: LargeFigures;
}

type Tell = (what: string) => void;

/** Measures; every size of first sync has clusters and a controller of its own, so that the memory is that of its objects. */
export async function measure(options: BenchOptions, tell: Tell): Promise<Figures> {
  const wants = (...parts: Part[]) => parts.some((part) => options.parts.has(part));
  const steady = wants("lag", "hook") ? await onStage(tell, (stage) => measureSteady(stage, options, tell)) : {};
  const largest = options.objects.at(-1) as number;
  const sizes = wants("first") ? options.objects : wants("resync", "memory", "busy") ? [largest] : [];
  const first: FirstSyncFigures[] = [];
  let filled: Omit<Figures, "first"> = {};
  for (const objects of sizes) {
    await onStage(tell, async (stage) => {
      tell(`first sync of ${objects} objects`);
      first.push(await measureFirstSync(stage, `bench-${objects}`, objects));
      if (objects === largest) filled = await measureFilled(stage, options, objects, tell);
    });
  }
  const large = wants("large") ? { large: await onStage(tell, (stage) => measureFull(stage, options, tell)) } : {};
  return { ...steady, ...(wants("first") ? { first } : {}), ...filled, ...large };
}

async function measureFull(stage: Stage, { largeObjects }: BenchOptions, tell: Tell): Promise<LargeFigures> {
  tell(`${largeObjects} objects of 1 MiB`);
  return await measureLarge(stage, largeObjects);
}

async function onStage<T>(tell: Tell, work: (stage: Stage) => Promise<T>): Promise<T> {
  tell("starting two clusters and the controller");
  await using stage = await startStage();
  return await work(stage);
}

/** Lag and hook: few objects, written again and again. */
async function measureSteady(stage: Stage, options: BenchOptions, tell: Tell): Promise<Figures> {
  const namespace = "bench-steady";
  tell("preparing the steady load");
  await prepareLag(stage, namespace);
  const lag: LagFigures[] = [];
  for (const rate of options.parts.has("lag") ? options.writesPerSecond : []) {
    tell(`lag at ${rate} writes/s`);
    lag.push(await measureLag(stage, namespace, rate, options.lagMs));
  }
  if (!options.parts.has("hook")) return { lag };
  tell("writes with the hook and without");
  const hook = await measureHook(stage, namespace, options.hookWrites);
  return options.parts.has("lag") ? { lag, hook } : { hook };
}

/** Resync and memory: many objects, none of them changed; then all of them change. */
async function measureFilled(stage: Stage, options: BenchOptions, objects: number, tell: Tell) {
  const { parts } = options;
  if (!parts.has("resync") && !parts.has("memory") && !parts.has("busy")) return {};
  tell(`resyncs of ${objects} objects, none changed`);
  const resync = await measureResync(stage, `bench-${objects}`, options.resyncs);
  const memory = { objects, ...await readMemory(stage.scene.controller.pid) };
  if (parts.has("busy")) tell(`lag at 50 writes/s while ${objects} objects of another namespace change`);
  return {
    ...(parts.has("resync") ? { resync } : {}),
    ...(parts.has("memory") ? { memory } : {}),
    ...(parts.has("busy") ? { busy: await measureBusy(stage, `bench-${objects}`, objects) } : {}),
  };
}
