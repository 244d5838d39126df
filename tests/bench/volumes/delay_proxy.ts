/**
 * A long way: a TCP proxy that hands each byte on a fixed time after it came, however many there are.
 *
 * @module
 */

/** A proxy that listens. */
export interface DelayProxy extends AsyncDisposable {
  readonly port: number;
}

/** No more than this is on its way in one direction: 50 ms of a GiB a second. */
const MAX_ON_THE_WAY = 64 * 1_024 * 1_024;

/** Listens on the loopback interface and connects to `port` there. `roundTripMs` is what an answer takes longer. */
export function startDelayProxy(port: number, roundTripMs: number): DelayProxy {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.Conn>();
  const serving = (async () => {
    for await (const near of listener) {
      const far = await Deno.connect({ hostname: "127.0.0.1", port });
      for (const connection of [near, far]) {
        connection.setNoDelay(true);
        open.add(connection);
      }
      const both = [carry(near, far, roundTripMs / 2), carry(far, near, roundTripMs / 2)];
      Promise.allSettled(both).then(() => [near, far].forEach((connection) => end(connection, open)));
    }
  })().catch(() => undefined);
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const connection of open) end(connection, open);
      await serving;
    },
  };
}

function end(connection: Deno.Conn, open: Set<Deno.Conn>): void {
  if (!open.delete(connection)) return;
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

interface Parcel {
  readonly dueMs: number;
  readonly bytes: Uint8Array;
}

/** Carries one direction to its end. */
async function carry(from: Deno.Conn, to: Deno.TcpConn, delayMs: number): Promise<void> {
  const parcels: Parcel[] = [];
  let onTheWay = 0;
  let isOver = false;
  let wake = () => {};
  const changed = () => new Promise<void>((resolve) => wake = resolve);
  const receive = async () => {
    const buffer = new Uint8Array(256 * 1_024);
    for (let size = await from.read(buffer); size !== null; size = await from.read(buffer)) {
      parcels.push({ dueMs: performance.now() + delayMs, bytes: buffer.slice(0, size) });
      onTheWay += size;
      wake();
      while (onTheWay > MAX_ON_THE_WAY) await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  const receiving = receive().finally(() => {
    isOver = true;
    wake();
  });
  while (!isOver || parcels.length > 0) {
    const parcel = parcels.shift();
    if (parcel === undefined) {
      await changed();
      continue;
    }
    const waitMs = parcel.dueMs - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    for (let sent = 0; sent < parcel.bytes.length;) sent += await to.write(parcel.bytes.subarray(sent));
    onTheWay -= parcel.bytes.length;
  }
  await receiving;
  await to.closeWrite();
}
