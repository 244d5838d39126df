/**
 * Where ssh meets its source when a relay brings it: two ports of the Pod's own loopback interface. A relay connects to one and
 * waits; ssh connects to the other, and is joined with a relay.
 *
 * @module
 */

/** Bytes that are read at once. */
const CHUNK_BYTES = 65_536;

/** A connection that waits to be joined: it is read already, so that its end is known. */
interface Waiting {
  readonly connection: Deno.TcpConn;
  readonly chunk: Uint8Array<ArrayBuffer>;
  readonly first: Promise<number | undefined>;
}

/** See the module. */
export class RelayDoor {
  readonly #listeners: readonly Deno.TcpListener[];
  readonly #relays: Waiting[] = [];
  readonly #clients: Waiting[] = [];
  readonly #open = new Set<Deno.TcpConn>();

  /** Listens for relays at `relayPort`, and for ssh at a port of the system's choice. Throws what `Deno.listen` does. */
  constructor(relayPort: number) {
    const relays = Deno.listen({ hostname: "127.0.0.1", port: relayPort });
    const clients = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#listeners = [relays, clients];
    void this.#accept(relays, this.#relays);
    void this.#accept(clients, this.#clients);
  }

  /** Where ssh has to connect to. */
  get port(): number {
    return this.#listeners[1]?.addr.port ?? 0;
  }

  /** Ends everything. */
  close(): void {
    for (const listener of this.#listeners) listener.close();
    for (const connection of this.#open) closeQuietly(connection);
  }

  async #accept(listener: Deno.TcpListener, queue: Waiting[]): Promise<void> {
    try {
      for await (const connection of listener) this.#enqueue(connection, queue);
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource) && !(error instanceof Deno.errors.Interrupted)) throw error;
    }
  }

  #enqueue(connection: Deno.TcpConn, queue: Waiting[]): void {
    connection.setNoDelay();
    const chunk = new Uint8Array(CHUNK_BYTES);
    const waiting = { connection, chunk, first: read(connection, chunk) };
    this.#open.add(connection);
    queue.push(waiting);
    void waiting.first.then((count) => count === undefined && this.#forget(waiting, queue));
    // The newest is the likeliest to be alive.
    if (this.#relays.length === 0 || this.#clients.length === 0) return;
    const pair = [this.#relays.pop(), this.#clients.pop()].filter((one) => one !== undefined);
    void this.#join(pair);
  }

  #forget(waiting: Waiting, queue: Waiting[]): void {
    const index = queue.indexOf(waiting);
    if (index === -1) return;
    queue.splice(index, 1);
    this.#end(waiting.connection);
  }

  /** Ends with whichever side ends first. */
  async #join([one, other]: readonly Waiting[]): Promise<void> {
    if (one === undefined || other === undefined) return;
    await Promise.race([pass(one, other.connection), pass(other, one.connection)]);
    for (const { connection } of [one, other]) this.#end(connection);
  }

  #end(connection: Deno.TcpConn): void {
    this.#open.delete(connection);
    closeQuietly(connection);
  }
}

/** Passes on until either ends; what has not been written is not read. Never rejects. */
async function pass({ connection, chunk, first }: Waiting, to: Deno.TcpConn): Promise<void> {
  try {
    for (let count = await first; count !== undefined; count = await read(connection, chunk)) {
      for (let sent = 0; sent < count;) sent += await to.write(chunk.subarray(sent, count));
    }
  } catch {
    // The other side is gone.
  }
}

/** Undefined at the end, however it came. */
async function read(connection: Deno.TcpConn, chunk: Uint8Array<ArrayBuffer>): Promise<number | undefined> {
  try {
    return await connection.read(chunk) ?? undefined;
  } catch {
    return undefined;
  }
}

function closeQuietly(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // It is closed.
  }
}
