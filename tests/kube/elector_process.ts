/**
 * One elector as a process of its own, to be killed and frozen: tells what happens as a line of JSON each.
 *
 * Arguments: server, file of its CA, token, identity.
 *
 * @module
 */
import { createKubeClient } from "../../kube/client.ts";
import { runElector } from "../../kube/elector.ts";
import { createTransport } from "../../kube/transport.ts";

/** Durations of the electors in tests. */
export const QUICK_TERMS = { retryMs: 200, renewDeadlineMs: 1_500, leaseDurationMs: 2_500 };

/** One line of the process. */
export interface ElectorLine {
  readonly what: "started" | "stopped" | "leader" | "thawed";
  readonly leader?: string;
  /** Of `thawed`: whether the elector still thought it led, asked before any timer of its could fire. */
  readonly leads?: boolean;
  readonly atMs: number;
}

function tell(line: Omit<ElectorLine, "atMs">): void {
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify({ ...line, atMs: Date.now() }) + "\n"));
}

if (import.meta.main) {
  const [server = "", caPath = "", token = "", identity = ""] = Deno.args;
  const transport = createTransport({
    server,
    caPem: Deno.readTextFileSync(caPath),
    credential: { kind: "token", token },
  });
  const stop = new AbortController();
  Deno.addSignalListener("SIGTERM", () => stop.abort());
  let lookedAtMs = performance.now();
  const elector = runElector({
    client: createKubeClient(transport),
    namespace: "default",
    name: "elected",
    identity,
    signal: stop.signal,
    ...QUICK_TERMS,
    onStartedLeading: () => tell({ what: "started" }),
    onStoppedLeading: () => tell({ what: "stopped" }),
    onNewLeader: (leader) => tell({ what: "leader", leader }),
  });
  // A busy caller that asks before each write, and tells when it was away for long.
  const asking = setInterval(() => {
    const nowMs = performance.now();
    if (nowMs - lookedAtMs > 1_000) tell({ what: "thawed", leads: elector.leads() });
    lookedAtMs = nowMs;
  }, 1);
  await elector.done;
  clearInterval(asking);
  transport.close();
  Deno.exit(0);
}
