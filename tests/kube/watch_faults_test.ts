import assert from "node:assert/strict";
import { isKubeError } from "../../kube/errors.ts";
import { waitFor } from "../wait.ts";
import { CONFIG_MAPS, configMap, Follower } from "./follower.ts";
import {
  addressOf,
  follow,
  startWatchedCluster,
  waitForCall,
  waitUntilEqual,
  type WatchedCluster,
} from "./watched_cluster.ts";

const QUICK = { deadSilenceMs: 1_500, headerDeadlineMs: 1_000, callDeadlineMs: 1_000 };

async function touch({ client }: WatchedCluster, name: string): Promise<void> {
  await client.apply(CONFIG_MAPS, configMap(name, { at: crypto.randomUUID() }), { fieldManager: "test" });
}

async function restartLosesNothing(watched: WatchedCluster): Promise<void> {
  const { cluster, transport, client } = watched;
  await touch(watched, "before");
  const lister = new Follower();
  const starter = new Follower(client);
  await using _list = follow(transport, lister, { start: "list" });
  await using _now = follow(transport, starter, { start: "now" });
  await waitForCall(lister, "connected");
  await waitForCall(starter, "listed");
  for (const signal of ["SIGKILL", "SIGTERM"] as const) {
    await cluster.restartApiServer(signal);
    await touch(watched, `after-${signal.toLowerCase()}`);
    await client.delete(CONFIG_MAPS, { namespace: "default", name: `after-${signal.toLowerCase()}` });
    await touch(watched, "before");
    await waitUntilEqual(client, lister);
    await waitUntilEqual(client, starter);
  }
  assert.ok(lister.errors.length > 0 && starter.errors.length > 0);
}

/** The cache of a server that has just started begins after what was written before: too old, told within the stream. */
async function goneWithinTheStream(watched: WatchedCluster): Promise<void> {
  const { cluster, transport, client } = watched;
  await touch(watched, "before");
  const lister = new Follower();
  const starter = new Follower(client);
  await using _list = follow(transport, lister, { start: "list" });
  await using _now = follow(transport, starter, { start: "now" });
  await waitForCall(lister, "live");
  await waitForCall(starter, "listed");
  await client.create({ ...CONFIG_MAPS, resource: "secrets", kind: "Secret" }, {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: crypto.randomUUID(), namespace: "default" },
  });
  await cluster.restartApiServer("SIGKILL");
  await waitForCall(lister, "live", 2);
  await waitForCall(starter, "listed", 2);
  assert.equal(lister.count("begin"), 2);
  for (const { errors } of [lister, starter]) assert.ok(errors.some((error) => isKubeError(error, "Gone")));
  await touch(watched, "after-gone");
  await waitUntilEqual(client, lister);
  await waitUntilEqual(client, starter);
}

async function frozenIsNoticed(watched: WatchedCluster): Promise<void> {
  const { cluster, transport, client, transportEvents } = watched;
  const followers = [new Follower(), new Follower()] as const;
  await using _one = follow(transport, followers[0], { start: "list" }, QUICK);
  await using _two = follow(transport, followers[1], { start: "list" }, QUICK);
  for (const follower of followers) await waitForCall(follower, "live");
  await touch(watched, "awake");
  for (const { events } of followers) await waitFor("the event", () => events.length === 1, { deadlineMs: 5_000 });
  transportEvents.length = 0;
  const frozenAtMs = performance.now();
  await cluster.pause();
  try {
    for (const follower of followers) await waitForCall(follower, "disconnected");
    assert.ok(performance.now() - frozenAtMs < 4_000);
    assert.match(followers[0].errors[0]?.message ?? "", /no bytes for \d+ ms/);
    const rebuilt = { type: "rebuilt", client: "streams", why: "dead" };
    assert.deepEqual(transportEvents.filter((event) => event.type === "rebuilt"), [rebuilt]);
  } finally {
    await cluster.resume();
  }
  await touch(watched, "thawed");
  for (const follower of followers) await waitUntilEqual(client, follower);
}

/** An idle kind gets no bookmark for ten minutes on 1.30: opened again and again, and never called disconnected. */
async function idleIsNoFailure({ transport, client, transportEvents }: WatchedCluster): Promise<void> {
  const follower = new Follower(client);
  transportEvents.length = 0;
  await using _ = follow(transport, follower, { start: "now" }, { ...QUICK, deadSilenceMs: 100 });
  await waitForCall(follower, "connected", 4);
  assert.deepEqual(follower.errors, []);
  assert.equal(follower.count("live"), 1);
  assert.deepEqual(transportEvents, []);
}

async function cleanEndsLoseNothing(watched: WatchedCluster): Promise<void> {
  const { transport, client } = watched;
  const follower = new Follower(client);
  await using _ = follow(transport, follower, { start: "now" }, { leastStreamSeconds: 1 });
  for (let index = 0; follower.count("connected") < 4; index++) await touch(watched, `clean-${index % 7}`);
  await waitUntilEqual(client, follower);
  assert.deepEqual(follower.errors, []);
  assert.equal(follower.count("live"), 1);
  const versions = follower.events.map((event) => Number(event.object.metadata.resourceVersion));
  assert.deepEqual(versions, [...new Set(versions)].sort((a, b) => a - b), "each event once, in order");
}

async function reconnectGoesOnWhereItWas(watched: WatchedCluster): Promise<void> {
  const { transport, client } = watched;
  const follower = new Follower(client);
  await using followed = follow(transport, follower, { start: "now" });
  await waitForCall(follower, "live");
  for (let index = 0; index < 20; index++) {
    await touch(watched, `again-${index}`);
    if (index % 5 === 0) followed.handle.reconnect("test");
  }
  await waitFor("20 events", () => follower.events.length >= 20, { deadlineMs: 10_000 });
  await waitUntilEqual(client, follower);
  assert.equal(follower.events.length, 20);
  assert.equal(follower.count("live"), 1);
}

async function newCredentialGoesOnWhereItWas(watched: WatchedCluster): Promise<void> {
  const { cluster, transport, client } = watched;
  const follower = new Follower(client);
  const lister = new Follower();
  await using _now = follow(transport, follower, { start: "now" });
  await using _list = follow(transport, lister, { start: "list" });
  for (const one of [follower, lister]) await waitForCall(one, "live");
  for (let index = 0; index < 20; index++) {
    await touch(watched, `renewed-${index}`);
    if (index % 5 === 0) transport.updateAddress(addressOf(cluster));
  }
  for (const one of [follower, lister]) {
    await waitForCall(one, "connected", 2);
    await waitFor("20 events", () => one.events.length >= 20, { deadlineMs: 20_000 });
    await waitUntilEqual(client, one);
    assert.equal(one.events.length, 20, "each once");
    assert.equal(one.count("live"), 1, "without a gap");
  }
}

async function revokedCredentialIsReplaced(watched: WatchedCluster): Promise<void> {
  const { cluster, transport, client } = watched;
  const follower = new Follower(client);
  await using _ = follow(transport, follower, { start: "now" });
  await waitForCall(follower, "live");
  const revoked = { kind: "token" as const, token: "revoked" };
  transport.updateAddress({ ...addressOf(cluster), credential: revoked });
  await waitFor("some failures", () => follower.errors.length > 2, { deadlineMs: 30_000 });
  const connected = follower.count("connected");
  transport.updateAddress(addressOf(cluster));
  await waitForCall(follower, "connected", connected + 1);
  await touch(watched, "after-revocation");
  await waitUntilEqual(client, follower);
  assert.equal(follower.count("live"), 1);
}

const CASES = {
  "a restart of the API server loses nothing": restartLosesNothing,
  "410 within the stream begins again": goneWithinTheStream,
  "a frozen API server is noticed, and watched again once it thaws": frozenIsNoticed,
  "an idle kind is not taken for a dead connection": idleIsNoFailure,
  "streams that end in good order lose nothing": cleanEndsLoseNothing,
  "a reconnect goes on where it was": reconnectGoesOnWhereItWas,
  "a new credential goes on where it was": newCredentialGoesOnWhereItWas,
  "a credential that is revoked and replaced goes on where it was": revokedCredentialIsReplaced,
};

for (const version of ["1.36", "1.30"]) {
  Deno.test(`watches through faults of an API server ${version}`, async (t) => {
    // Told to end, it ends its watches in good order.
    const extraApiServerArgs = ["--shutdown-watch-termination-grace-period=1s"];
    await using watched = await startWatchedCluster({ name: "faults", version, extraApiServerArgs });
    for (const [name, run] of Object.entries(CASES)) await t.step(name, () => run(watched));
  });
}

/** As after an etcd restore: the same kind, fewer writes behind it. */
Deno.test("a server whose resourceVersion went back is listed anew", async () => {
  await using ahead = await startWatchedCluster({ name: "ahead" });
  await using behind = await startWatchedCluster({ name: "behind" });
  for (let index = 0; index < 300; index++) await touch(ahead, "ahead");
  await touch(behind, "behind");
  const lister = new Follower();
  const starter = new Follower(behind.client);
  await using list = follow(ahead.transport, lister, { start: "list" }, QUICK);
  await using now = follow(ahead.transport, starter, { start: "now" }, QUICK);
  await waitForCall(lister, "live");
  await waitForCall(starter, "listed");
  assert.deepEqual([...lister.known.keys()], ["ahead"]);
  ahead.transport.updateAddress(addressOf(behind.cluster));
  list.handle.reconnect("another server");
  now.handle.reconnect("another server");
  await waitForCall(lister, "live", 2);
  await waitForCall(starter, "listed", 2);
  await waitUntilEqual(behind.client, lister);
  assert.ok(lister.errors.some((error) => /went back from \d+ to \d+/.test(error.message)));
  assert.deepEqual([...lister.known.keys()], ["behind"]);
});
