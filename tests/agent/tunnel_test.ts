import assert from "node:assert/strict";
import { RelayDoor } from "../../agent/relay_door.ts";
import { systemClock } from "../../kube/clock.ts";
import type { RelayCount } from "../../reconciler/volumes/relay.ts";
import { serveTunnel } from "../../reconciler/volumes/tunnel.ts";
import { waitFor } from "../wait.ts";
import { freePort } from "./agents.ts";
import { shell } from "./folder.ts";
import { Forwards } from "./forwards.ts";
import { VolumeScene } from "./scene.ts";

/** A tunnel that runs. `await using` ends it. */
function startTunnel(relayPort: number, sourcePort: number) {
  const forwards = new Forwards();
  const over = new AbortController();
  const ends: RelayCount[] = [];
  const problems: unknown[] = [];
  const end = (port: number) => ({ client: forwards, namespace: "shop", pod: "agent", port });
  const serving = serveTunnel({ source: end(sourcePort), target: end(relayPort) }, {
    clock: systemClock,
    signal: over.signal,
    onEnd: (count) => ends.push(count),
    onProblem: (error) => problems.push(error),
  });
  return {
    forwards,
    ends,
    problems,
    async [Symbol.asyncDispose]() {
      over.abort();
      await serving;
    },
  };
}

/** Takes a connection and sends back what comes, until the other side ends. */
function startEcho() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const connection of listener) void connection.readable.pipeTo(connection.writable).catch(() => {});
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

async function readAll(connection: Deno.TcpConn, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let count = 0; count < length;) {
    const more = await connection.read(bytes.subarray(count));
    assert.notEqual(more, null, `the end came after ${count} of ${length} bytes`);
    count += more ?? 0;
  }
  return bytes;
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

const connect = (port: number) => Deno.connect({ hostname: "127.0.0.1", port });
const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));

Deno.test("what is said at the door reaches the source and comes back whole, each connection for itself", async () => {
  const port = freePort();
  using door = closing(new RelayDoor(port));
  await using echo = startEcho();
  await using tunnel = startTunnel(port, echo.port);
  await waitFor("a leg at the door", () => tunnel.forwards.made.get(port), { deadlineMs: 20_000 });
  assert.equal(tunnel.forwards.made.get(echo.port), undefined, "the source was reached before anybody spoke");
  const idle = await connect(door.port);
  await writeAll(idle, new Uint8Array([5]));
  assert.deepEqual(await readAll(idle, 1), new Uint8Array([5]));
  for (const length of [65_536, 50_000]) {
    using client = await connect(door.port);
    const sent = random(length);
    const [came] = await Promise.all([readAll(client, length), writeAll(client, sent)]);
    assert.deepEqual(came, sent);
  }
  idle.close();
  await waitFor("the ends", () => tunnel.ends.length === 3, { deadlineMs: 20_000 });
  assert.deepEqual(tunnel.ends.map(({ bytes }) => bytes), [131_072, 100_000, 2]);
  assert.equal(tunnel.forwards.made.get(echo.port), 3);
});

Deno.test("ssh that is there before the relay waits for it", async () => {
  const port = freePort();
  using door = closing(new RelayDoor(port));
  await using echo = startEcho();
  using client = await connect(door.port);
  await writeAll(client, new Uint8Array([7]));
  await using _tunnel = startTunnel(port, echo.port);
  assert.deepEqual(await readAll(client, 1), new Uint8Array([7]));
});

Deno.test("a connection that is cut ends on both sides, and the next one finds another relay", async () => {
  const port = freePort();
  using door = closing(new RelayDoor(port));
  await using echo = startEcho();
  await using tunnel = startTunnel(port, echo.port);
  for (let round = 0; round < 3; round++) {
    // One that meets a relay which was cut a moment ago ends at once, as ssh's attempts do.
    using client = await waitFor("a connection that is answered", async () => {
      const attempt = await connect(door.port);
      await writeAll(attempt, new Uint8Array([round]));
      if (await attempt.read(new Uint8Array(1)).catch(() => null) === 1) return attempt;
      attempt.close();
    }, { deadlineMs: 20_000 });
    tunnel.forwards.cut();
    assert.equal(await client.read(new Uint8Array(1)).catch(() => null), null);
  }
  assert.ok(tunnel.problems.length > 0);
});

Deno.test("a source that cannot be reached is told, and ends ssh's connection", async () => {
  const port = freePort();
  using door = closing(new RelayDoor(port));
  await using tunnel = startTunnel(port, freePort());
  using client = await connect(door.port);
  await writeAll(client, new Uint8Array([7]));
  assert.equal(await client.read(new Uint8Array(1)).catch(() => null), null);
  assert.match(String(tunnel.problems[0]), /Unreachable|refused/);
});

function closing(door: RelayDoor): RelayDoor & Disposable {
  return Object.assign(door, { [Symbol.dispose]: () => door.close() });
}

const SHA = 'sha256sum <"$1/large"';

Deno.test("a tunnel that is cut breaks the pass, and the next goes on from the parts, through a new one", async () => {
  await using scene = await VolumeScene.start();
  await shell('head -c 40000000 /dev/urandom >"$1/large"', scene.sourcePath);
  const port = freePort();
  await using tunnel = startTunnel(port, scene.source.port);
  const way = { host: "127.0.0.1", port, hostKeyAlias: "volume-a", relayed: true };
  const request = scene.request({ source: way, bandwidthKiBps: 10_000 });
  await scene.commander.send({ type: "start", pass: request });
  await scene.commander.event("progress", ({ progress }) => (progress?.bytes ?? 0) > 15_000_000);
  tunnel.forwards.cut();
  const broken = await scene.commander.event("finished", ({ passId }) => passId === request.passId);
  assert.ok(broken.outcome.kind === "failed" && broken.outcome.reason === "ConnectionLost", JSON.stringify(broken));
  const report = await scene.pass({ source: way });
  assert.equal(report.outcome.kind, "good", JSON.stringify(report));
  assert.ok((report.stats?.wireBytes ?? Infinity) < 30_000_000, JSON.stringify(report.stats));
  assert.equal(await shell(SHA, scene.targetPath), await shell(SHA, scene.sourcePath));
  assert.ok(tunnel.ends.some(({ bytes }) => bytes > 15_000_000), JSON.stringify(tunnel.ends));
  // A chunk each way is all that is held.
  assert.ok(tunnel.ends.every(({ peakHeldBytes }) => peakHeldBytes <= 65_536), JSON.stringify(tunnel.ends));
});
