import assert from "node:assert/strict";
import { join } from "node:path";
import { runElector } from "../../kube/elector.ts";
import { isKubeError } from "../../kube/errors.ts";
import { createLease, LEASES, microTime, readLease, updateLease } from "../../kube/lease.ts";
import { readLines } from "../../kube/lines.ts";
import { waitFor } from "../wait.ts";
import { type ElectorLine, QUICK_TERMS } from "./elector_process.ts";
import { startWatchedCluster, type WatchedCluster } from "./watched_cluster.ts";

const REF = { namespace: "default", name: "elected" };

/** An elector in a process of its own; ended with its scope. */
function startElector({ cluster }: WatchedCluster, identity: string) {
  const caPath = join(cluster.directory, "ca.crt");
  const script = new URL("./elector_process.ts", import.meta.url).pathname;
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-net",
      "--allow-read",
      "--no-check",
      script,
      cluster.server,
      caPath,
      cluster.adminToken,
      identity,
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines: ElectorLine[] = [];
  const reading = (async () => {
    for await (const { text } of readLines(process.stdout)) lines.push(JSON.parse(text));
  })();
  return {
    identity,
    lines,
    kill: (signal: Deno.Signal) => process.kill(signal),
    told: (what: ElectorLine["what"], leader?: string) =>
      waitFor(
        `${identity} tell ${what} ${leader ?? ""}`,
        () => lines.find((line) => line.what === what && (leader === undefined || line.leader === leader)),
        { deadlineMs: 15_000, pollMs: 10, describe: () => JSON.stringify(lines) },
      ),
    async [Symbol.asyncDispose]() {
      try {
        process.kill("SIGKILL");
      } catch {
        // It has ended.
      }
      await process.status;
      await reading;
    },
  };
}

async function leaseIsSwappedOnlyAsRead({ client }: WatchedCluster): Promise<void> {
  const ref = { namespace: "default", name: "fence" };
  assert.equal(await readLease(client, ref), undefined);
  const acquireTime = microTime(Date.now());
  const made = await createLease(client, ref, { holderIdentity: "a", acquireTime, annotations: { role: "Standby" } });
  assert.equal(made.acquireTime, acquireTime);
  await assert.rejects(createLease(client, ref, {}), (error) => isKubeError(error, "AlreadyExists"));
  const annotated = await updateLease(client, made, { annotations: { role: "Active" } });
  assert.deepEqual([annotated.holderIdentity, annotated.annotations.role], ["a", "Active"]);
  const stale = updateLease(client, made, { holderIdentity: "b" });
  await assert.rejects(stale, (error) => isKubeError(error, "Conflict"));
  await client.delete(LEASES, ref);
  const again = await createLease(client, ref, { holderIdentity: "c" });
  const other = updateLease(client, annotated, { holderIdentity: "b" });
  await assert.rejects(other, (error) => isKubeError(error, "Conflict"));
  assert.equal((await readLease(client, ref))?.uid, again.uid);
}

async function killedLeaderIsReplaced(watched: WatchedCluster): Promise<void> {
  await using first = startElector(watched, "first");
  await first.told("started");
  await using second = startElector(watched, "second");
  await second.told("leader", "first");
  const before = await readLease(watched.client, REF);
  first.kill("SIGKILL");
  const killedAtMs = Date.now();
  const { atMs } = await second.told("started");
  const tookMs = atMs - killedAtMs;
  assert.ok(tookMs > QUICK_TERMS.leaseDurationMs - 500 && tookMs < 6_000, `taken over after ${tookMs} ms`);
  const after = await readLease(watched.client, REF);
  assert.deepEqual([after?.holderIdentity, after?.leaseTransitions], ["second", (before?.leaseTransitions ?? 0) + 1]);
}

async function frozenLeaderKnowsWhenItThaws(watched: WatchedCluster): Promise<void> {
  await using first = startElector(watched, "frozen");
  await first.told("started");
  await using second = startElector(watched, "awake");
  await second.told("leader", "frozen");
  first.kill("SIGSTOP");
  await second.told("started");
  first.kill("SIGCONT");
  await first.told("stopped");
  await first.told("leader", "awake");
  assert.equal((await first.told("thawed")).leads, false);
  assert.ok(!second.lines.some((line) => line.what === "stopped"));
}

async function stoppedLeaderHandsOver(watched: WatchedCluster): Promise<void> {
  await using first = startElector(watched, "leaving");
  await first.told("started");
  await using second = startElector(watched, "coming");
  await second.told("leader", "leaving");
  first.kill("SIGTERM");
  const endedAtMs = Date.now();
  const { atMs } = await second.told("started");
  assert.ok(atMs - endedAtMs < QUICK_TERMS.leaseDurationMs - 500, `handed over after ${atMs - endedAtMs} ms`);
}

async function leaderWithoutServerStops({ cluster, client }: WatchedCluster): Promise<void> {
  const stop = new AbortController();
  const told: string[] = [];
  let term: AbortSignal | undefined;
  const elector = runElector({
    client,
    ...REF,
    name: "cut-off",
    identity: "only",
    signal: stop.signal,
    ...QUICK_TERMS,
    onStartedLeading: (signal) => {
      told.push("started");
      term = signal;
    },
    onStoppedLeading: () => told.push("stopped"),
  });
  await waitFor("the term", () => elector.leads(), { deadlineMs: 5_000 });
  await cluster.pause();
  const pausedAtMs = performance.now();
  try {
    await waitFor("its end", () => term?.aborted, { deadlineMs: 5_000, pollMs: 10 });
    assert.ok(performance.now() - pausedAtMs < QUICK_TERMS.leaseDurationMs, "ended before another may lead");
    assert.equal(elector.leads(), false);
  } finally {
    await cluster.resume();
  }
  await waitFor("another term", () => elector.leads(), { deadlineMs: 10_000 });
  assert.deepEqual(told, ["started", "stopped", "started"]);
  stop.abort();
  await elector.done;
  assert.equal((await readLease(client, { ...REF, name: "cut-off" }))?.holderIdentity, "");
}

async function releaseWaitsForTheWork({ client }: WatchedCluster): Promise<void> {
  const stop = new AbortController();
  const work = Promise.withResolvers<void>();
  const ref = { ...REF, name: "working" };
  const { done, leads } = runElector({
    client,
    ...ref,
    identity: "busy",
    signal: stop.signal,
    onStartedLeading: () => work.promise,
  });
  await waitFor("the term", leads, { deadlineMs: 5_000 });
  stop.abort();
  assert.equal(leads(), false);
  assert.equal((await readLease(client, ref))?.holderIdentity, "busy");
  work.resolve();
  await done;
  assert.equal((await readLease(client, ref))?.holderIdentity, "");
}

async function failedWorkEndsTheElection({ client }: WatchedCluster): Promise<void> {
  const ref = { ...REF, name: "failing" };
  const { done } = runElector({
    client,
    ...ref,
    identity: "unlucky",
    signal: new AbortController().signal,
    onStartedLeading: () => Promise.reject(new Error("a bug")),
  });
  await assert.rejects(done, /a bug/);
  assert.equal((await readLease(client, ref))?.holderIdentity, "");
}

const CASES = {
  "a Lease is written only as it was read": leaseIsSwappedOnlyAsRead,
  "a leader that is killed is replaced when its Lease has run out": killedLeaderIsReplaced,
  "a leader that was frozen knows when it thaws": frozenLeaderKnowsWhenItThaws,
  "a leader that is told to stop hands over at once": stoppedLeaderHandsOver,
  "a leader that cannot renew stops before another may lead": leaderWithoutServerStops,
  "a Lease is released after the work that it protects": releaseWaitsForTheWork,
  "work that fails ends the election": failedWorkEndsTheElection,
};

Deno.test("leases and elections", async (t) => {
  await using watched = await startWatchedCluster({ name: "lease" });
  for (const [name, run] of Object.entries(CASES)) await t.step(name, () => run(watched));
});
