/**
 * The admission server as a process of its own, for tests that freeze it. Options come as one JSON argument; each line
 * of output is JSON: first the port, then every hint.
 *
 * @module
 */
import { startAdmission } from "../../webhook/admission.ts";

/** The argument. */
export interface WebhookProcessOptions {
  readonly certPem: string;
  readonly keyPem: string;
}

if (import.meta.main) {
  const { certPem, keyPem } = JSON.parse(Deno.args[0] ?? "{}") as WebhookProcessOptions;
  const tell = (value: unknown) => void Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(value) + "\n"));
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: (message: string) => tell({ message }) };
  const admission = await startAdmission({
    host: "127.0.0.1",
    port: 0,
    certificate: { certPem, keyPem },
    onHints: (hints) => hints.forEach((hint) => tell({ hint })),
    log,
  });
  tell({ port: admission.port });
}
