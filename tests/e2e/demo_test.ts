import assert from "node:assert/strict";
import type { Summary } from "../demo/summary.ts";
import { freeze } from "../freeze.ts";
import { Demo } from "./demo_process.ts";

/** What the demo must show. */
const kinds = [
  ...["Namespace", "CRD", "Coupon", "Deployment", "StatefulSet", "CronJob", "Service", "Ingress", "NetworkPolicy"],
  ...[
    "ConfigMap",
    "Secret",
    "PersistentVolumeClaim",
    "HorizontalPodAutoscaler",
    "ServiceAccount",
    "Role",
    "RoleBinding",
  ],
];

Deno.test("the demo shows every kind arriving, and leaves nothing behind", async () => {
  await using demo = await Demo.start("--once", "--json");
  const code = await demo.end();
  assert.equal(code, 0, demo.lines.join("\n"));
  const summary: Summary = JSON.parse(demo.json);
  assert.deepEqual(summary.changes.missing, []);
  assert.deepEqual(summary.namespace?.missing, []);
  const arrived = new Set(summary.arrivals.filter(({ lagMs }) => lagMs !== null).map(({ kind }) => kind));
  for (const kind of kinds) assert.ok(arrived.has(kind), `${kind} is not in the summary`);
  assert.ok(summary.lagMs !== null && summary.lagMs.p50 <= summary.lagMs.p99 && summary.lagMs.p99 <= summary.lagMs.max);
  assert.ok(summary.namespace?.notMirrored.some(({ kind, reason }) => kind === "Pod" && reason.includes("in DR")));
  await demo.untilNothingIsLeft();
});

Deno.test("the demo fails, and names what is missing, when the DR cluster stops to answer", async () => {
  await using demo = await Demo.start("--once", "--json", "--wait=5");
  const [, pid] = await demo.untilTold(/^ {2}dr .*API server pid (\d+)$/);
  await demo.untilTold(/Namespace shop .* ms/);
  await freeze(Number(pid));
  assert.equal(await demo.end(), 1);
  const summary: Summary = JSON.parse(demo.json);
  assert.equal(summary.passed, false);
  assert.ok(summary.changes.missing.includes("Deployment web: created"), demo.json);
  assert.ok(demo.lines.includes("NOT ARRIVED: Deployment web: created"), demo.lines.join("\n"));
  await demo.untilNothingIsLeft();
});

Deno.test("SIGTERM ends the demo, and removes everything", async () => {
  await using demo = await Demo.start("--once", "--json");
  await demo.untilTold(/Replication of namespace/);
  demo.kill("SIGTERM");
  assert.equal(await demo.end(), 143);
  await demo.untilNothingIsLeft();
});

Deno.test("a demo that is killed leaves nothing behind", async () => {
  await using demo = await Demo.start("--once", "--json");
  await demo.untilTold(/Replication of namespace/);
  demo.kill("SIGKILL");
  await demo.end();
  await demo.untilNothingIsLeft();
});

Deno.test("the watchdog ends a process when the one that started the watchdog is killed", async () => {
  const watched = new Deno.Command("sleep", { args: ["600"] }).spawn();
  const url = new URL("../demo/watchdog.ts", import.meta.url).href;
  const code = `import { startWatchdog } from "${url}";
    startWatchdog(${watched.pid});
    Deno.stderr.writeSync(new Uint8Array(1));
    await new Promise(() => setInterval(() => {}, 1e6));`;
  const starter = new Deno.Command(Deno.execPath(), { args: ["eval", code], stderr: "piped" }).spawn();
  const reader = starter.stderr.getReader();
  await reader.read();
  starter.kill("SIGKILL");
  const late = setTimeout(() => watched.kill("SIGTERM"), 10_000);
  assert.equal((await watched.status).signal, "SIGKILL");
  clearTimeout(late);
  await starter.status;
  await reader.cancel();
});

Deno.test("a wrong command line is refused with what to do", async () => {
  await using demo = await Demo.start("--json");
  assert.equal(await demo.end(), 2);
  assert.equal(demo.lines[0], "error: Cannot write JSON without an end: add --once to --json");
});
