/**
 * Port-forwards where there is no cluster: TCP connections to this machine, which a test may cut.
 *
 * @module
 */
import { KubeError } from "../../kube/errors.ts";
import type { PortForward, PortForwardRequest } from "../../kube/port_forward.ts";

/** What connects to ports of Pods elsewhere. */
export class Forwards {
  readonly #open = new Set<Deno.TcpConn>();
  /** Connections so far, by port. */
  readonly made = new Map<number, number>();

  async portForward({ port, signal }: PortForwardRequest): Promise<PortForward> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port }).catch((error: Error) => {
      throw new KubeError("Unreachable", error.message);
    });
    this.#open.add(connection);
    this.made.set(port, (this.made.get(port) ?? 0) + 1);
    const close = () => {
      signal?.removeEventListener("abort", close);
      if (this.#open.delete(connection)) connection.close();
    };
    signal?.addEventListener("abort", close, { once: true });
    if (signal?.aborted) close();
    return {
      chunks: () => chunksOf(connection),
      async send(chunk) {
        for (let sent = 0; sent < chunk.length;) sent += await connection.write(chunk.subarray(sent));
      },
      close,
    };
  }

  /** Every connection of now ends. */
  cut(): void {
    for (const connection of this.#open) connection.close();
    this.#open.clear();
  }
}

async function* chunksOf(connection: Deno.TcpConn): AsyncGenerator<Uint8Array> {
  const chunk = new Uint8Array(32_768);
  try {
    for (let count = await connection.read(chunk); count !== null; count = await connection.read(chunk)) {
      yield chunk.subarray(0, count);
    }
  } catch {
    throw new KubeError("Unreachable", "it was cut");
  }
}
