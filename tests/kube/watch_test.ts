import assert from "node:assert/strict";
import type { KubeClient } from "../../kube/types.ts";
import { startWatch } from "../../kube/watch.ts";
import { customDefinition } from "../custom_definition.ts";
import { waitFor } from "../wait.ts";
import { CONFIG_MAPS, configMap, Follower } from "./follower.ts";
import { follow, startWatchedCluster, waitForCall, waitUntilEqual, type WatchedCluster } from "./watched_cluster.ts";

/** 1,000 writes, 8 at a time: creates, changes, deletes, of 200 names. */
async function writeALot(client: KubeClient, prefix: string, onWrite: (count: number) => void): Promise<void> {
  let next = 0;
  const write = async (): Promise<void> => {
    for (let index = next++; index < 200; index = next++) {
      const name = `${prefix}-${index}`;
      await client.create(CONFIG_MAPS, configMap(name));
      for (const round of ["1", "2", "3"]) {
        await client.patch(CONFIG_MAPS, { namespace: "default", name }, { type: "merge", body: { data: { round } } });
        onWrite(index);
      }
      if (index % 2 === 0) await client.delete(CONFIG_MAPS, { namespace: "default", name });
    }
  };
  await Promise.all(Array.from({ length: 8 }, write));
}

async function listFinds({ transport, client }: WatchedCluster): Promise<void> {
  await Promise.all(
    Array.from({ length: 60 }, (_, index) => client.create(CONFIG_MAPS, configMap(`before-${index}`, { a: "x" }))),
  );
  const follower = new Follower();
  await using _ = follow(transport, follower, { start: "list" });
  await waitForCall(follower, "live");
  await waitUntilEqual(client, follower);
  assert.deepEqual(follower.errors, []);
  assert.equal(follower.count("begin"), 1);
  await client.create(CONFIG_MAPS, configMap("after-list"));
  await waitUntilEqual(client, follower);
  const [event] = follower.events;
  assert.equal(event?.type, "Added");
  assert.deepEqual([event?.object.apiVersion, event?.object.kind], ["v1", "ConfigMap"]);
  assert.equal(event?.sizeBytes, JSON.stringify({ type: "ADDED", object: event?.object }).length);
}

async function listLosesNothing({ transport, client }: WatchedCluster): Promise<void> {
  const follower = new Follower();
  let begin = (): void => {};
  const begun = new Promise<void>((resolve) => begin = resolve);
  const writes = writeALot(client, "list", (index) => index === 20 && begin());
  await begun;
  await using _ = follow(transport, follower, { start: "list" });
  await writes;
  await waitUntilEqual(client, follower);
  assert.deepEqual(follower.errors, []);
}

async function nowLosesNothing({ transport, client }: WatchedCluster): Promise<void> {
  const follower = new Follower(client);
  let begin = (): void => {};
  const begun = new Promise<void>((resolve) => begin = resolve);
  const writes = writeALot(client, "now", (index) => index === 20 && begin());
  await begun;
  await using _ = follow(transport, follower, { start: "now" });
  await writes;
  await waitForCall(follower, "listed");
  await waitUntilEqual(client, follower);
  assert.equal(follower.items, 0);
  assert.equal(follower.count("live"), 1);
  assert.ok(follower.events.length > 500, `${follower.events.length} events`);
  assert.deepEqual(follower.errors, []);
}

async function metadataNamesItsKind({ transport, client }: WatchedCluster): Promise<void> {
  const follower = new Follower();
  const items: string[] = [];
  follower.item = ({ object }) => void items.push(`${object.apiVersion} ${object.kind} ${"data" in object}`);
  await using _ = follow(transport, follower, { start: "list", metadataOnly: true });
  await waitForCall(follower, "connected");
  await waitForCall(follower, "live");
  assert.deepEqual(new Set(items), new Set(["v1 ConfigMap false"]));
  await client.create(CONFIG_MAPS, configMap("partial", { secret: "x" }));
  await waitFor("the event", () => follower.events.length === 1, { deadlineMs: 5_000 });
  const object = follower.events[0]?.object;
  assert.deepEqual([object?.apiVersion, object?.kind, object?.metadata.name, "data" in (object ?? {})], [
    "v1",
    "ConfigMap",
    "partial",
    false,
  ]);
}

async function selectorSelects({ transport, client }: WatchedCluster): Promise<void> {
  const labelled = (name: string) => {
    const object = configMap(name);
    return { ...object, metadata: { ...object.metadata, labels: { pick: "me" } } };
  };
  await client.create(CONFIG_MAPS, labelled("picked-1"));
  const follower = new Follower();
  await using _ = follow(transport, follower, { start: "list", labelSelector: "pick=me" });
  await waitForCall(follower, "live");
  await waitForCall(follower, "connected");
  await client.create(CONFIG_MAPS, configMap("not-picked"));
  await client.create(CONFIG_MAPS, labelled("picked-2"));
  await waitFor("the picked ones", () => follower.known.size === 2, { deadlineMs: 5_000 });
  assert.deepEqual([...follower.known.keys()], ["picked-1", "picked-2"]);
}

async function unknownKindIsAskedForAgain({ transport, client }: WatchedCluster): Promise<void> {
  const group = "shop.example.com";
  const type = { ...CONFIG_MAPS, group, resource: "carts", kind: "Cart", singular: "cart" };
  const stop = new AbortController();
  const follower = new Follower();
  const retries: number[] = [];
  follower.disconnected = (error, retryInMs?: number) => {
    follower.errors.push(error);
    retries.push(retryInMs ?? -1);
  };
  const handle = startWatch(transport, type, { start: "list" }, follower, stop.signal);
  await waitFor("the failure", () => retries.length > 0, { deadlineMs: 5_000 });
  assert.equal((follower.errors[0] as { reason?: string }).reason, "KindMissing");
  assert.ok(retries[0] !== undefined && retries[0] >= 5_000 && retries[0] <= 10_000, `retry in ${retries[0]} ms`);
  const definition = customDefinition({ kind: "Cart", group });
  await client.json("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition);
  await waitFor("the kind", async () => (await client.list(type)).resourceVersion !== "", { deadlineMs: 10_000 });
  handle.reconnect("the kind is there now");
  await waitForCall(follower, "live");
  stop.abort();
  await handle.done;
}

async function endsAtAnyTime({ transport }: WatchedCluster): Promise<void> {
  const already = new AbortController();
  already.abort();
  const silent = new Follower();
  await startWatch(transport, CONFIG_MAPS, { start: "list" }, silent, already.signal).done;
  assert.deepEqual(silent.calls, []);
  const stop = new AbortController();
  const follower = new Follower();
  follower.item = () => {
    follower.items++;
    stop.abort();
  };
  await startWatch(transport, CONFIG_MAPS, { start: "list" }, follower, stop.signal).done;
  assert.equal(follower.items, 1);
  assert.equal(follower.count("live"), 0);
}

async function tellsWhatTheSinkThrew({ transport }: WatchedCluster): Promise<void> {
  const follower = new Follower();
  follower.live = () => {
    throw new Error("a bug");
  };
  const { done } = startWatch(transport, CONFIG_MAPS, { start: "now" }, follower, new AbortController().signal);
  await assert.rejects(done, /a bug/);
}

const CASES = {
  "a list finds what exists, then what changes": listFinds,
  "a list beside 1,000 writes loses nothing": listLosesNothing,
  "a start now beside 1,000 writes loses nothing": nowLosesNothing,
  "metadata alone comes with the kind it is of": metadataNamesItsKind,
  "a selector selects": selectorSelects,
  "a kind that is missing is asked for again": unknownKindIsAskedForAgain,
  "a watch ends at any time": endsAtAnyTime,
  "what the sink threw is told": tellsWhatTheSinkThrew,
};

// 1.30 refuses WatchList, so there the list comes in pages.
for (const version of ["1.36", "1.30"]) {
  Deno.test(`watches of an API server ${version}`, async (t) => {
    await using watched = await startWatchedCluster({ name: "watch", version });
    for (const [name, run] of Object.entries(CASES)) await t.step(name, () => run(watched));
  });
}
