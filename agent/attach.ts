/**
 * Connects a stream with a target agent's socket: what an exec in the agent's container runs.
 *
 * @module
 */

/** Path of the socket that an agent with this folder in memory takes commands on. */
export function socketPath(runPath: string): string {
  return `${runPath}/agent.sock`;
}

/** Both directions of a stream. */
export interface Duplex {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

/** Passes bytes on until the agent ends the connection, which it does once it has answered everything. */
export async function attach(runPath: string, { readable, writable }: Duplex): Promise<void> {
  const connection = await Deno.connect({ transport: "unix", path: socketPath(runPath) });
  const commands = readable.pipeTo(connection.writable).catch(() => undefined);
  await connection.readable.pipeTo(writable);
  // The agent is gone: what is still typed reaches nobody.
  void commands;
}
