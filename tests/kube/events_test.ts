import assert from "node:assert/strict";
import { createEventRecorder, type DropReason, type EventRecorderOptions, EVENTS } from "../../kube/events.ts";
import { isKubeError } from "../../kube/errors.ts";
import type { KubeObject } from "../../kube/types.ts";
import { waitFor } from "../wait.ts";
import { startWatchedCluster, type WatchedCluster } from "./watched_cluster.ts";

const details = { type: "Warning", reason: "DeletionBlocked", action: "Mirror", note: "12 of 30 held" } as const;

function subject(name: string) {
  return { apiVersion: "v1", kind: "ConfigMap", namespace: "default", name, uid: crypto.randomUUID() };
}

function startRecorder({ client }: WatchedCluster, options: Partial<EventRecorderOptions> = {}) {
  const dropped: DropReason[] = [];
  const errors: unknown[] = [];
  const recorder = createEventRecorder({
    client,
    reportingInstance: "pod-1",
    onDropped: (reason) => dropped.push(reason),
    onError: (error) => errors.push(error),
    ...options,
  });
  return { recorder, dropped, errors };
}

async function eventsAbout({ client }: WatchedCluster, name: string): Promise<KubeObject[]> {
  const { items } = await client.list(EVENTS, { namespace: "default" });
  return items.filter((item) => (item.regarding as { name?: string }).name === name);
}

async function repetitionsAreCounted(watched: WatchedCluster): Promise<void> {
  const { recorder, dropped, errors } = startRecorder(watched);
  const about = subject("repeated");
  recorder.record(about, details);
  await recorder.flush(5_000);
  for (let index = 0; index < 5; index++) recorder.record(about, details);
  recorder.record(about, { ...details, note: "13 of 30 held" });
  await recorder.flush(5_000);
  await recorder.close();
  const events = (await eventsAbout(watched, "repeated")).sort((a, b) => String(a.note).localeCompare(String(b.note)));
  assert.deepEqual(events.map((event) => (event.series as { count?: number } | undefined)?.count), [6, undefined]);
  const [event] = events;
  assert.deepEqual(
    [event?.type, event?.reason, event?.action, event?.note, event?.reportingController, event?.reportingInstance],
    ["Warning", "DeletionBlocked", "Mirror", "12 of 30 held", "dr-syncer.io/controller", "pod-1"],
  );
  const { stdout } = await watched.cluster.kubectl(["get", "events", "--namespace=default"]);
  assert.match(stdout, /DeletionBlocked\s+configmap\/repeated\s+12 of 30 held/);
  assert.deepEqual([dropped, errors], [[], []]);
}

async function eventThatIsGoneBeginsAgain(watched: WatchedCluster): Promise<void> {
  const { recorder, errors } = startRecorder(watched);
  const about = subject("expired");
  recorder.record(about, details);
  await recorder.flush(5_000);
  const [first] = await eventsAbout(watched, "expired");
  await watched.client.delete(EVENTS, { namespace: "default", name: first?.metadata.name ?? "" });
  recorder.record(about, details);
  await recorder.flush(5_000);
  await recorder.close();
  const [second, ...more] = await eventsAbout(watched, "expired");
  assert.deepEqual([(second?.series as { count?: number }).count, more, errors], [2, [], []]);
}

async function chattyObjectIsCutShort(watched: WatchedCluster): Promise<void> {
  const { recorder, dropped } = startRecorder(watched);
  const about = subject("chatty");
  for (let index = 0; index < 40; index++) recorder.record(about, { ...details, note: `number ${index}` });
  recorder.record(subject("quiet"), details);
  await recorder.flush(10_000);
  await recorder.close();
  assert.equal((await eventsAbout(watched, "chatty")).length, 25);
  assert.equal((await eventsAbout(watched, "quiet")).length, 1);
  assert.deepEqual(dropped, new Array(15).fill("rate"));
}

async function refusedEventIsTold(watched: WatchedCluster): Promise<void> {
  const { recorder, dropped, errors } = startRecorder(watched);
  recorder.record({ ...subject("nowhere"), namespace: "no-such-namespace" }, details);
  recorder.record(subject("somewhere"), details);
  await recorder.flush(5_000);
  await recorder.close();
  assert.ok(isKubeError(errors[0], "NotFound"));
  assert.deepEqual(dropped, ["failed"]);
  assert.equal((await eventsAbout(watched, "somewhere")).length, 1);
}

async function deadServerBlocksNobody(watched: WatchedCluster): Promise<void> {
  const { recorder, dropped } = startRecorder(watched, { maxQueued: 10 });
  await watched.cluster.pause();
  try {
    const beganAtMs = performance.now();
    for (let index = 0; index < 100; index++) recorder.record(subject(`dead-${index}`), details);
    await waitFor("the overflow", () => dropped.length >= 89, { deadlineMs: 1_000 });
    await recorder.flush(100);
    assert.ok(performance.now() - beganAtMs < 1_000);
    await recorder.close();
    assert.equal(dropped.length, 100);
    recorder.record(subject("late"), details);
    assert.equal(dropped.at(-1), "closed");
  } finally {
    await watched.cluster.resume();
  }
}

async function serverThatComesBackGetsThem(watched: WatchedCluster): Promise<void> {
  const { recorder, dropped } = startRecorder(watched);
  await watched.cluster.stopApiServer("SIGKILL");
  recorder.record(subject("patient"), details);
  await watched.cluster.startApiServer();
  await recorder.flush(15_000);
  await recorder.close();
  assert.deepEqual(dropped, []);
  assert.equal((await eventsAbout(watched, "patient")).length, 1);
}

const CASES = {
  "repetitions are counted in one event": repetitionsAreCounted,
  "an event that the server has forgotten begins again": eventThatIsGoneBeginsAgain,
  "an object gets 25 events at once and no more": chattyObjectIsCutShort,
  "an event that is refused is told and dropped": refusedEventIsTold,
  "a dead server blocks nobody": deadServerBlocksNobody,
  "a server that comes back gets what was recorded": serverThatComesBackGetsThem,
};

for (const version of ["1.36", "1.30"]) {
  Deno.test(`events on an API server ${version}`, async (t) => {
    await using watched = await startWatchedCluster({ name: "events", version });
    for (const [name, run] of Object.entries(CASES)) await t.step(name, () => run(watched));
  });
}
