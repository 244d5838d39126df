/**
 * Progress of builds for people: one line that changes on a terminal, a few lines elsewhere.
 *
 * @module
 */
import type { BuildProgress } from "./building.ts";

/** Without a terminal, a build that goes on is told this often. */
const repeatMs = 30_000;

/** Where text goes; `Deno.stderr` fits. */
export interface TextSink {
  isTerminal(): boolean;
  writeSync(bytes: Uint8Array): number;
}

/** A function that shows how builds go on. */
export function showProgress(sink: TextSink): (progress: BuildProgress) => void {
  const write = (text: string) => void sink.writeSync(new TextEncoder().encode(text));
  if (sink.isTerminal()) {
    return (progress) => write(`\r\x1b[2K${progressText(progress)}${progress.state === "done" ? "\n" : ""}`);
  }
  let [told, toldMs] = ["", 0];
  return (progress) => {
    const step = `${progress.state} ${progress.position}`;
    if (step === told && progress.elapsedMs - toldMs < repeatMs) return;
    [told, toldMs] = [step, progress.elapsedMs];
    write(progressText(progress) + "\n");
  };
}

function progressText({ what, position, count, elapsedMs, state, verbs }: BuildProgress): string {
  const seconds = Math.round(elapsedMs / 1_000);
  if (state === "waiting") return `waiting for another build, ${seconds} s`;
  const [doing, done] = verbs ?? ["building", "built"];
  const verb = state === "done" ? done : doing;
  return `${verb} ${what} (${position} of ${count}), ${seconds} s`;
}
