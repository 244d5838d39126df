/**
 * What Linux tells about a process: memory and processor time (proc(5)).
 *
 * @module
 */

/** Memory of a process, in MiB (2^20 bytes). */
export interface MemoryFigures {
  /** Resident now (VmRSS), and its part that is not backed by files: heaps, stacks. */
  readonly rssMiB: number;
  readonly anonymousMiB: number;
  /** The most that was ever resident (VmHWM). */
  readonly peakMiB: number;
}

/** Ticks of /proc a second; Linux has had no other value for user space since 2.6. */
const TICKS_PER_SECOND = 100;

/** Memory of a process. @throws {Deno.errors.NotFound} when it is gone */
export async function readMemory(pid: number): Promise<MemoryFigures> {
  const text = await Deno.readTextFile(`/proc/${pid}/status`);
  const kibibytes = (field: string) => Number(text.match(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m"))?.[1]);
  const mebibytes = (field: string) => kibibytes(field) / 1_024;
  return { rssMiB: mebibytes("VmRSS"), anonymousMiB: mebibytes("RssAnon"), peakMiB: mebibytes("VmHWM") };
}

/** Processor time that a process has used so far, in milliseconds, its threads included. */
export async function readProcessorMs(pid: number): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/stat`);
  // The name, in parentheses, may hold spaces.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 1_000 / TICKS_PER_SECOND;
}

/** Processor time that processes use while `work` runs: the share of one core each, by name. */
export async function measureCores<T>(
  pids: Readonly<Record<string, number>>,
  work: () => Promise<T>,
): Promise<{ result: T; cores: Record<string, number> }> {
  const read = async () => await Promise.all(Object.values(pids).map(readProcessorMs));
  const before = await read();
  const startMs = performance.now();
  const result = await work();
  const elapsedMs = performance.now() - startMs;
  const after = await read();
  const share = (index: number) => ((after[index] as number) - (before[index] as number)) / elapsedMs;
  return { result, cores: Object.fromEntries(Object.keys(pids).map((name, index) => [name, share(index)])) };
}
