import assert from "node:assert/strict";
import { parseOptions } from "../demo/options.ts";
import { runDemo } from "../demo/task.ts";
import type { VolumeSummary } from "../demo/volumes/summary.ts";
import { ensureBinaries } from "../rig/binaries.ts";
import { Demo } from "./demo_process.ts";

Deno.test("the demo of volumes reads back in DR what was written in the source, and leaves nothing behind", async () => {
  await using demo = await Demo.start("--volumes", "--once", "--json");
  const code = await demo.end();
  const told = demo.lines.join("\n");
  assert.equal(code, 0, told);
  const { passed, passes, source, dr, problem }: VolumeSummary = JSON.parse(demo.json);
  assert.deepEqual([passed, problem], [true, null]);
  assert.deepEqual(dr, source);
  assert.ok(source !== null && source.orders > 50 && source.bytes > 40_000_000, JSON.stringify(source));
  // The pictures went over once.
  assert.deepEqual(passes.map(({ transferredBytes }) => transferredBytes > 40_000_000), [true, false, false]);
  for (const cluster of ["source", "dr"]) {
    assert.match(told, new RegExp(`${cluster} +Pod dr-syncer-agent-\\S+ runs on node ${cluster}`));
  }
  assert.match(told, /^What was written in the source was read back in DR/m);
  await demo.untilNothingIsLeft();
});

Deno.test("a demo of volumes whose copy is not what was written fails, and says so", async () => {
  const { kubectl } = await ensureBinaries(undefined, ["kubectl"]);
  let told = "";
  const screen = {
    isTerminal: () => false,
    writeSync(bytes: Uint8Array) {
      const text = new TextDecoder().decode(bytes);
      // The last pass is over, and the demo goes on when we return.
      if (text.startsWith("The namespace in DR is activated")) changeOneByte(kubectl, told);
      told += text;
      return bytes.length;
    },
  };
  const options = parseOptions(["--volumes", "--once"], false);
  assert.ok(options !== undefined);
  assert.equal(await runDemo(options, new AbortController().signal, screen), 1, told);
  assert.match(told, /^NOT READ BACK: what a Pod of DR read is not what was written in the source$/m);
  const [, rows = ""] = told.split("SHA-256 OF ALL NAMES AND BYTES\n");
  const [source, dr] = rows.split("\n").map((row) => row.match(/^ +(\w+) +(.*) ([0-9a-f]{64})$/) ?? []);
  assert.deepEqual([source?.[1], dr?.[1]], ["source", "dr"]);
  assert.equal(source?.[2], dr?.[2]);
  assert.notEqual(source?.[3], dr?.[3]);
});

/** Writes another byte into a file of the only volume in DR; length and time of change stay as they are. */
function changeOneByte(kubectl: string, told: string): void {
  const pid = told.match(/^ {2}dr .* API server pid (\d+)/m)?.[1];
  const args = ["get", "pv", "-o", "jsonpath={.items[0].spec.hostPath.path}"];
  const { stdout } = new Deno.Command(kubectl, {
    args: [`--kubeconfig=${Deno.readLinkSync(`/proc/${pid}/cwd`)}/kubeconfig.yaml`, ...args],
  }).outputSync();
  const path = `${new TextDecoder().decode(stdout)}/invoices/10.txt`;
  const { mtime, atime } = Deno.statSync(path);
  using file = Deno.openSync(path, { write: true });
  file.writeSync(new TextEncoder().encode("O"));
  Deno.utimeSync(path, atime ?? 0, mtime ?? 0);
}

Deno.test("Ctrl-C in the middle of a pass ends the demo of volumes, and removes everything", async () => {
  await using demo = await Demo.start("--volumes", "--once", "--json");
  await demo.untilTold(/Pod dr-syncer-agent-target-\S+ made/);
  demo.kill("SIGINT");
  assert.equal(await demo.end(), 130, demo.lines.join("\n"));
  await demo.untilNothingIsLeft();
});
