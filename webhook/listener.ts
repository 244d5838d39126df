/**
 * The HTTPS server under the admission routes; HTTP/1.1 with keep-alive, as API servers speak to webhooks.
 *
 * @module
 */
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { type CertificatePair, keyMatches } from "./x509.ts";

/** What happens on the listener. */
export interface ListenerEvents {
  listening(port: number): void;
  /** The listener cannot work, or not any longer. */
  failed(error: Error): void;
  handshakeFailed(): void;
}

/** A running server. */
export interface Listener {
  /** New connections get this certificate; those that are open stay. */
  setCertificate(certificate: CertificatePair): void;
  /** From now on each connection ends with its next answer: whoever calls again finds another server. */
  drain(): void;
  /** Takes no more connections; resolves when the requests under way are answered. */
  close(): Promise<void>;
}

/** Go keeps idle connections for 90 s: it must be the side that closes, or a request may meet a closing connection. */
const KEEP_ALIVE_MS = 600_000;

/** Starts listening; the outcome is told by `events`. */
export function listen(
  app: Hono,
  options: { host: string; port: number; certificate: CertificatePair },
  events: ListenerEvents,
): Listener {
  const handle = getRequestListener(app.fetch);
  let draining = false;
  const server: Server = createServer(contextOf(options.certificate), (request, response) => {
    if (draining) response.setHeader("connection", "close");
    return handle(request, response);
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.on("error", (error: Error) => events.failed(error));
  server.on("tlsClientError", () => events.handshakeFailed());
  server.listen(options.port, options.host, () => events.listening((server.address() as AddressInfo).port));
  return {
    setCertificate: (certificate) => server.setSecureContext(contextOf(certificate)),
    drain: () => {
      draining = true;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
}

/** Throws when the pair is none: the server would take it, and fail every handshake. */
function contextOf(certificate: CertificatePair): { cert: string; key: string; minVersion: "TLSv1.2" } {
  if (!keyMatches(certificate.certPem, certificate.keyPem)) {
    throw new Error("Cannot serve with a certificate and a key that do not belong together");
  }
  return { cert: certificate.certPem, key: certificate.keyPem, minVersion: "TLSv1.2" };
}
