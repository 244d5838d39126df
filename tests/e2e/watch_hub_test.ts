import assert from "node:assert/strict";
import { createKubeClient } from "../../kube/client.ts";
import { createTransport } from "../../kube/transport.ts";
import type { KubeClient, KubeObject, Watcher, WatchHandle } from "../../kube/types.ts";
import { NAMESPACES } from "../../reconciler/builtin_types.ts";
import { systemClock } from "../../reconciler/clock.ts";
import { NAMESPACED_WATCHES, type Subscription, WatchHub, type WatchListener } from "../../reconciler/watch_hub.ts";
import { CONFIG_MAPS } from "../kube/follower.ts";
import { addressOf } from "../kube/watched_cluster.ts";
import { startCluster } from "../rig/cluster.ts";
import { waitFor } from "../wait.ts";

/** What a follower of one namespace does: it lists at `live`, and keeps what it is told. */
class Listener implements WatchListener {
  readonly known = new Map<string, string>();
  readonly foreign: string[] = [];
  lives = 0;
  disconnects = 0;
  readonly subscription: Subscription;

  constructor(readonly client: KubeClient, hub: WatchHub, readonly namespace: string) {
    this.subscription = hub.subscribe(CONFIG_MAPS, namespace, this);
  }

  live(): void {
    this.lives++;
    this.client.list(CONFIG_MAPS, { namespace: this.namespace }).then(({ items }) =>
      items.forEach((item) => this.#learn(item))
    );
  }

  event(event: { object: KubeObject }): void {
    if (event.object.metadata.namespace !== this.namespace) this.foreign.push(event.object.metadata.name);
    this.#learn(event.object);
  }

  disconnected(): void {
    this.disconnects++;
  }

  #learn({ metadata: { name, resourceVersion = "0" } }: KubeObject): void {
    const known = Number(this.known.get(name) ?? 0);
    if (Number(resourceVersion) > known) this.known.set(name, resourceVersion);
  }
}

/** The real watches of a client, counted. */
class CountingWatcher implements Watcher {
  readonly open = new Map<WatchHandle, string>();

  constructor(readonly client: KubeClient) {}

  watch(...[type, query, sink, signal]: Parameters<Watcher["watch"]>): WatchHandle {
    const handle = this.client.watch(type, query, sink, signal);
    this.open.set(handle, query.namespace ?? "*");
    handle.done.then(() => this.open.delete(handle));
    return handle;
  }

  get namespaces(): string[] {
    return [...this.open.values()].sort();
  }
}

function configMap(namespace: string, name: string): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace } };
}

const deadline = { deadlineMs: 20_000, pollMs: 20 };

Deno.test("watches of one cluster are shared between namespaces", async (t) => {
  await using cluster = await startCluster({ name: "hub" });
  const transport = createTransport(addressOf(cluster));
  const client = createKubeClient(transport);
  const watcher = new CountingWatcher(client);
  const hub = new WatchHub(watcher, {}, systemClock);
  const names = Array.from({ length: NAMESPACED_WATCHES + 2 }, (_, index) => `hub-${index}`);
  for (const name of names) {
    await client.create(NAMESPACES, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
  }
  const listeners = new Map<string, Listener>();
  const subscribe = (name: string) => {
    const listener = new Listener(client, hub, name);
    listeners.set(name, listener);
    return listener;
  };
  const allKnow = async () => {
    const { items } = await client.list(CONFIG_MAPS);
    return [...listeners.values()].every((listener) =>
      items.filter((item) => item.metadata.namespace === listener.namespace)
        .every((item) => listener.known.get(item.metadata.name) === item.metadata.resourceVersion)
    );
  };

  await t.step("few namespaces have a watch each", async () => {
    const few = names.slice(0, NAMESPACED_WATCHES);
    for (const name of few) subscribe(name);
    await waitFor("all be live", () => [...listeners.values()].every((listener) => listener.lives === 1), deadline);
    assert.deepEqual(watcher.namespaces, few.toSorted());
    assert.ok(
      [...listeners.values()].every(({ subscription }) =>
        subscription.connected && subscription.provenWallMs() !== undefined
      ),
    );
  });

  await t.step("one more makes it a single watch, and no change is lost meanwhile", async () => {
    let writing = true;
    const writes = (async () => {
      for (let round = 0; writing || round < 20; round++) {
        const name = names[round % names.length] as string;
        await client.create(CONFIG_MAPS, configMap(name, `during-${round}`));
      }
    })();
    subscribe(names[NAMESPACED_WATCHES] as string);
    await waitFor("one watch be left", () => watcher.namespaces.join() === "*", deadline);
    writing = false;
    await writes;
    await waitFor("everyone know everything", allKnow, deadline);
  });

  await t.step("a namespace that joins the single watch gets a starting point of its own", async () => {
    const last = names[NAMESPACED_WATCHES + 1] as string;
    const before = [...listeners.values()].map((listener) => listener.lives);
    const listener = subscribe(last);
    await waitFor("it be live", () => listener.lives === 1, deadline);
    await client.create(CONFIG_MAPS, configMap(last, "late"));
    await waitFor("it know everything", allKnow, deadline);
    assert.deepEqual(before, [...listeners.values()].slice(0, -1).map((one) => one.lives));
    assert.deepEqual(watcher.namespaces, ["*"]);
    assert.deepEqual([...listeners.values()].flatMap((one) => one.foreign), []);
  });

  await t.step("a reconnect that lost nothing shows as connected at once, without a word from the server", async () => {
    const listener = listeners.get(names[0] as string) as Listener;
    const lives = listener.lives;
    listener.subscription.reconnect("the test asks for it");
    assert.deepEqual([listener.disconnects > 0, listener.subscription.connected], [true, false]);
    await waitFor("it be connected", () => listener.subscription.connected, { deadlineMs: 5_000, pollMs: 20 });
    assert.equal(listener.lives, lives);
  });

  await t.step(
    "after a change of the kind's definition a watch is opened anew, and tells of a gap each time",
    async () => {
      const listener = listeners.get(names[0] as string) as Listener;
      const [lives, disconnects] = [listener.lives, listener.disconnects];
      hub.redefined("secrets");
      hub.redefined("configmaps");
      await waitFor("it be live again", () => listener.lives > lives, { deadlineMs: 60_000, pollMs: 20 });
      assert.equal(listener.disconnects, disconnects + 1);
      const between = listener.lives;
      listener.subscription.reconnect("the test asks for it");
      await waitFor("it be live once more", () => listener.lives > between, deadline);
    },
  );

  await t.step("fewer namespaces have a watch each again; none is left after the last", async () => {
    for (const name of names.slice(2)) {
      const listener = listeners.get(name);
      listener?.subscription.close();
      // Twice is once: it must not take away what was opened since.
      listener?.subscription.close();
      listeners.delete(name);
    }
    await waitFor("two watches be left", () => watcher.namespaces.join() === "hub-0,hub-1", deadline);
    await client.create(CONFIG_MAPS, configMap("hub-0", "again"));
    await waitFor("it be known", allKnow, deadline);
    for (const listener of listeners.values()) listener.subscription.close();
    await waitFor("no watch be left", () => watcher.namespaces.length === 0, deadline);
  });
  transport.close();
});
