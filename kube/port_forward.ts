/**
 * A connection to a port of a Pod's own network, over a WebSocket to its API server (`pods/portforward`).
 *
 * @module
 */
import { KubeError } from "./errors.ts";
import type { Socket } from "./web_socket.ts";

/** Subprotocols of `pods/portforward` over plain WebSockets: the kubelet's own, which API servers hand on. */
export const PORT_FORWARD_PROTOCOLS = ["v4.channel.k8s.io"] as const;

/** First byte of a message; the first message of each channel is only the port. */
const CHANNELS = { data: 0, errors: 1 } as const;
const DATA = new Uint8Array([CHANNELS.data]);

/** Where to. */
export interface PortForwardRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
  /** Ends it at any time. */
  readonly signal?: AbortSignal;
  /** How long the opening may take; 30,000 unless told otherwise. */
  readonly deadlineMs?: number;
}

/** A connection to a port of a Pod. */
export interface PortForward {
  /**
   * What the Pod sends, in chunks that are whoever's who takes them; nothing is read before it is asked for. Ends with the Pod's
   * end of the connection. Throws KubeError Unreachable when it breaks, or nobody listens at the port.
   */
  chunks(): AsyncIterable<Uint8Array>;
  /** Resolves once the chunk is on its way and may be used again. Throws KubeError Unreachable. */
  send(chunk: Uint8Array): Promise<void>;
  /** Closes it, at once; never throws. */
  close(): void;
}

/** Path and query of a connection. */
export function portForwardPath({ namespace, pod, port }: PortForwardRequest): string {
  const [inNamespace, name] = [namespace, pod].map(encodeURIComponent);
  return `/api/v1/namespaces/${inNamespace}/pods/${name}/portforward?ports=${port}`;
}

/** The connection behind an open socket. */
export function followPortForward(socket: Socket, { pod, port, signal }: PortForwardRequest): PortForward {
  const close = () => {
    signal?.removeEventListener("abort", close);
    socket.close();
  };
  signal?.addEventListener("abort", close, { once: true });
  if (signal?.aborted) close();
  return {
    async *chunks() {
      try {
        yield* dataOf(socket, `port ${port} of Pod ${pod}`);
      } finally {
        close();
      }
    },
    send: (chunk) => socket.send(DATA, chunk),
    close,
  };
}

async function* dataOf(socket: Socket, what: string): AsyncGenerator<Uint8Array> {
  const isBegun = [false, false];
  for await (const message of socket.messages()) {
    const [channel = CHANNELS.data] = message;
    const bytes = message.subarray(1);
    if (isBegun[channel] === false) isBegun[channel] = true;
    else if (channel === CHANNELS.errors) throw new KubeError("Unreachable", `Cannot reach ${what}: ${textOf(bytes)}`);
    else if (channel === CHANNELS.data && bytes.length > 0) yield bytes;
  }
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.subarray(0, 500)).trim();
}
