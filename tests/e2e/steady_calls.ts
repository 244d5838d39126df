/**
 * Calls of a cluster's API that go on while something happens; each one that is answered otherwise than it should is noted.
 *
 * @module
 */
import type { Cluster } from "../rig/cluster.ts";

/** Time between two rounds: a round is some milliseconds of work for the cluster. */
const PAUSE_MS = 100;
/** An API server gives up a webhook after 10 s at most. */
const CALL_DEADLINE_MS = 15_000;

/** A call and its right answer. */
export interface SteadyCall {
  readonly what: string;
  readonly method: "POST" | "PATCH";
  readonly path: string;
  readonly body: object;
  readonly status: number;
  /** Found in the answer's message. */
  readonly says?: string;
}

/** Calls round by round until it is disposed of. */
export class SteadyCalls implements AsyncDisposable {
  readonly #cluster: Cluster;
  readonly #client: Deno.HttpClient;
  readonly #calls: (round: number) => readonly SteadyCall[];
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #rounds = 0;
  readonly #problems: string[] = [];

  /** @param calls those of a round, counted from 1; made one after the other as administrator */
  constructor(cluster: Cluster, calls: (round: number) => readonly SteadyCall[]) {
    this.#cluster = cluster;
    this.#client = Deno.createHttpClient({ caCerts: [cluster.caPem] });
    this.#calls = calls;
    this.#done = this.#run();
  }

  /** How many rounds are over. */
  get rounds(): number {
    return this.#rounds;
  }

  /** What was answered otherwise so far, from the first to the tenth. */
  get problems(): readonly string[] {
    return this.#problems.slice(0, 10);
  }

  /** Ends after the round under way. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.#client.close();
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      for (const call of this.#calls(this.#rounds + 1)) await this.#make(call);
      this.#rounds++;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  async #make({ what, method, path, body, status, says = "" }: SteadyCall): Promise<void> {
    const beganMs = performance.now();
    const answer = await this.#send(method, path, body).catch((error) => ({ status: 0, text: String(error) }));
    if (answer.status === status && (says === "" || messageOf(answer.text).includes(says))) return;
    const tookMs = Math.round(performance.now() - beganMs);
    this.#problems.push(`${what}: ${answer.status} after ${tookMs} ms: ${messageOf(answer.text)}`);
  }

  async #send(method: string, path: string, body: object): Promise<{ status: number; text: string }> {
    const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    const response = await fetch(this.#cluster.server + path, {
      client: this.#client,
      method,
      headers: { authorization: `Bearer ${this.#cluster.adminToken}`, "content-type": type },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(CALL_DEADLINE_MS),
    });
    return { status: response.status, text: await response.text() };
  }
}

/** The message of a Status, or how the text begins. */
function messageOf(text: string): string {
  try {
    return String(JSON.parse(text).message);
  } catch {
    return text.slice(0, 300);
  }
}
