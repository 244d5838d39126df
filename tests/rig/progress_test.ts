import assert from "node:assert/strict";
import type { BuildProgress } from "./building.ts";
import { showProgress } from "./progress.ts";

const building = (elapsedMs: number, position = 1): BuildProgress => {
  return { what: "etcd 3.6.16", position, count: 2, elapsedMs, state: "building" };
};

function collect(isTerminal: boolean, steps: readonly BuildProgress[]): string {
  let text = "";
  const sink = {
    isTerminal: () => isTerminal,
    writeSync: (bytes: Uint8Array) => (text += new TextDecoder().decode(bytes)).length,
  };
  const show = showProgress(sink);
  for (const step of steps) show(step);
  return text;
}

Deno.test("on a terminal one line changes, and stays when the program is built", () => {
  const text = collect(true, [building(0), building(1_000), { ...building(2_000), state: "done" }]);
  assert.equal(
    text,
    "\r\x1b[2Kbuilding etcd 3.6.16 (1 of 2), 0 s\r\x1b[2Kbuilding etcd 3.6.16 (1 of 2), 1 s" +
      "\r\x1b[2Kbuilt etcd 3.6.16 (1 of 2), 2 s\n",
  );
});

Deno.test("elsewhere there is a line for each step, and one every 30 s", () => {
  const seconds = Array.from({ length: 65 }, (_, second) => building(second * 1_000));
  const text = collect(false, [...seconds, { ...building(65_000), state: "done" }, building(0, 2)]);
  assert.deepEqual(text.trimEnd().split("\n"), [
    "building etcd 3.6.16 (1 of 2), 0 s",
    "building etcd 3.6.16 (1 of 2), 30 s",
    "building etcd 3.6.16 (1 of 2), 60 s",
    "built etcd 3.6.16 (1 of 2), 65 s",
    "building etcd 3.6.16 (2 of 2), 0 s",
  ]);
});

Deno.test("what is not built has verbs of its own", () => {
  const step = { ...building(0), what: "packages", verbs: ["installing", "installed"] as const };
  const text = collect(false, [step, { ...step, elapsedMs: 9_000, state: "done" }]);
  assert.equal(text, "installing packages (1 of 2), 0 s\ninstalled packages (1 of 2), 9 s\n");
});
