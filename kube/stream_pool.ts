/**
 * Places for streams: HTTP/2 clients of at most 90 streams each.
 *
 * @module
 */
import type { CountedClient } from "./http_client.ts";

/** The server allows 100 streams a connection, and a client never opens a second one: the rest would hang. */
export const STREAMS_PER_CLIENT = 90;
/** Failures in a row after which a client is given up. */
export const DEAD_AFTER = 2;

/** Hands out clients with room for a stream. */
export class StreamPool {
  readonly #open: () => CountedClient;
  readonly #onDead: () => void;
  #clients: CountedClient[] = [];

  constructor(open: () => CountedClient, onDead: () => void) {
    this.#open = open;
    this.#onDead = onDead;
  }

  /** How many clients take new streams. */
  get size(): number {
    return this.#clients.length;
  }

  /** A client with a place for one stream; `leave` gives the place back. */
  enter(): CountedClient {
    let client = this.#clients.find((one) => one.users < STREAMS_PER_CLIENT);
    if (client === undefined) {
      client = this.#open();
      this.#clients.push(client);
    }
    client.enter();
    return client;
  }

  /** Gives a stream's place back; a spare client without streams is closed. */
  leave(client: CountedClient): void {
    client.leave();
    if (client.users === 0 && this.#clients.length > 1) this.#remove(client);
  }

  /** The connection of this client just worked. */
  worked(client: CountedClient): void {
    client.failures = 0;
  }

  /** The connection of this client looks dead; the second time in a row no further stream uses it. */
  failed(client: CountedClient): void {
    client.failures++;
    if (client.failures < DEAD_AFTER || client.retired) return;
    this.#remove(client);
    this.#onDead();
  }

  /** No further stream uses the clients of now. */
  retireAll(): void {
    for (const client of this.#clients) client.retire();
    this.#clients = [];
  }

  #remove(client: CountedClient): void {
    this.#clients = this.#clients.filter((one) => one !== client);
    client.retire();
  }
}
