/**
 * A round with volumes: an application writes, its volume is copied, and what is in DR is read back by a Pod there.
 *
 * @module
 */
import { CONTROL_NAMESPACE, MANAGED_BY, ORIGINAL_REPLICAS } from "../../../crds/keys.ts";
import type { Cluster } from "../../rig/cluster.ts";
import { waitFor } from "../../wait.ts";
import { NAMESPACE } from "../application.ts";
import type { Board } from "../board.ts";
import type { Stage } from "../stage.ts";
import { type Contents, formatBytes, readContents } from "./contents.ts";
import { followVolume } from "./follow.ts";
import type { PassView } from "./pass_view.ts";
import { type PassFigures, sumUpVolumes, type VolumeSummary } from "./summary.ts";

/** The application's only Pod, and its claim. */
export const POD = "orders-0";
export const CLAIM = "data-orders-0";
/** Slow enough to be seen. */
const BANDWIDTH = "8Mi";
/** A signal for several processes reaches all of them within this time. */
const SIGNAL_MS = 500;
/** Orders that are taken between the first pass and the next. */
const MORE_ORDERS = 50;

const manifest = new URL("./orders.yaml", import.meta.url).pathname;

/** A round's surroundings. */
export interface VolumeRoundOptions {
  readonly stage: Stage;
  readonly board: Board;
  /** How long a Pod or a pass may take, in milliseconds. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/** Plays a round; what does not come in time ends it, and is in the summary. */
export async function playVolumes(options: VolumeRoundOptions): Promise<VolumeSummary> {
  const { stage, board } = options;
  await using watches = new AsyncDisposableStack();
  const round = new VolumeRound(options, await followVolume(CLAIM, stage, board, watches));
  try {
    await round.play();
  } catch (error) {
    await untilAborted(options.signal);
    options.signal.throwIfAborted();
    return round.sum(error instanceof Error ? error.message : String(error));
  }
  return round.sum(null);
}

/** Ctrl-C ends kubectl, too, and that may be told first. */
async function untilAborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, SIGNAL_MS);
  signal.addEventListener("abort", () => resolve(), { once: true });
  if (signal.aborted) resolve();
  await promise;
  clearTimeout(timer);
}

class VolumeRound {
  readonly #options: VolumeRoundOptions;
  readonly #view: PassView;
  readonly #passes: PassFigures[] = [];
  #source: Contents | null = null;
  #dr: Contents | null = null;

  constructor(options: VolumeRoundOptions, view: PassView) {
    this.#options = options;
    this.#view = view;
  }

  sum(problem: string | null): VolumeSummary {
    return sumUpVolumes({ passes: this.#passes, source: this.#source, dr: this.#dr, problem });
  }

  async play(): Promise<void> {
    const { stage, board, signal } = this.#options;
    await this.#startApplication();

    this.#title("A Replication of namespace shop with spec.pvc.syncData", `at most ${BANDWIDTH} a second`);
    await this.#pass(() => this.#replicate());

    this.#title("More orders, and a sync on demand", "annotation dr-syncer.io/sync-now");
    await this.#untilMoreOrders();
    await this.#pass((id) => this.#syncNow(id));

    this.#title("The shop closes, and a last sync", "what it has written is what DR must have");
    this.#source = await this.#close();
    board.tell(`  source  ${describe(this.#source)}`);
    await this.#pass((id) => this.#syncNow(id));
    signal.throwIfAborted();

    this.#title("The namespace in DR is activated by hand", "docs/guide/safety.md#a-standby-is-quiet");
    this.#dr = await this.#activate();
    board.tell(
      `  dr      Pod ${POD} runs on node ${stage.dr.cluster.node?.name}; it says: found ${describe(this.#dr)}`,
    );
  }

  async #startApplication(): Promise<void> {
    const { stage: { source: { cluster } }, board, signal } = this.#options;
    this.#title("The application: kubectl apply -f tests/demo/volumes/orders.yaml", "a Pod that writes to its volume");
    await cluster.kubectl(["create", "namespace", NAMESPACE], { signal });
    await cluster.kubectl(["apply", "-f", manifest], { signal });
    await this.#untilReady(cluster);
    board.tell(
      `  source  Pod ${POD} runs on node ${cluster.node?.name}; its volume: ${describe(await this.#look(cluster))}`,
    );
  }

  async #replicate(): Promise<void> {
    const { stage: { source }, signal } = this.#options;
    const object = {
      apiVersion: "dr-syncer.io/v1alpha1",
      kind: "Replication",
      metadata: { name: NAMESPACE, namespace: CONTROL_NAMESPACE },
      spec: {
        destinationCluster: "dr",
        sourceNamespace: NAMESPACE,
        pvc: { syncData: true, bandwidthLimit: BANDWIDTH },
      },
    };
    await source.cluster.kubectl(["create", "-f", "-"], { stdin: JSON.stringify(object), signal });
  }

  async #syncNow(id: string): Promise<void> {
    const args = ["annotate", "--overwrite", "replication", NAMESPACE, "-n", CONTROL_NAMESPACE];
    const { stage: { source }, signal } = this.#options;
    await source.cluster.kubectl([...args, `dr-syncer.io/sync-now=${id}`], { signal });
  }

  /** Asks for a pass that begins after now, and waits for its good end. */
  async #pass(ask: (id: string) => Promise<void>): Promise<void> {
    const askedMs = Date.now();
    this.#view.restart();
    await ask(String(askedMs));
    const volume = await this.#until(`the volume ${CLAIM} in DR`, () => {
      const { volume } = this.#view;
      return volume?.phase === "Synced" && Date.parse(volume.syncedUpTo ?? "") > askedMs ? volume : undefined;
    });
    await this.#until("the agents gone", () => this.#view.isQuiet);
    const { files = 0, bytes = 0, transferredBytes = 0, duration = "" } = volume;
    this.#passes.push({ files, bytes, transferredBytes, duration });
  }

  async #untilMoreOrders(): Promise<void> {
    const { cluster } = this.#options.stage.source;
    const { orders } = await this.#look(cluster);
    await this.#until("more orders", async () => (await this.#look(cluster)).orders >= orders + MORE_ORDERS, 500);
  }

  /** Lets the application end what it writes; answers with what is on its volume then. */
  async #close(): Promise<Contents> {
    const { cluster } = this.#options.stage.source;
    await this.#run(cluster, "touch /tmp/closed");
    await this.#until("the application at rest", async () => {
      return (await this.#run(cluster, "ls /tmp")).includes("at-rest");
    }, 300);
    return await this.#look(cluster);
  }

  /** Takes the namespace from the mirror, lets Pods in, and starts the application; answers with what that finds. */
  async #activate(): Promise<Contents> {
    const { stage: { dr: { cluster } }, board, signal } = this.#options;
    const shop = ["-n", NAMESPACE];
    const kubectl = async (...args: string[]) => {
      board.tell(`  dr ${args.join(" ")}`);
      return (await cluster.kubectl(args, { signal })).stdout;
    };
    await kubectl("annotate", "--overwrite", "lease", "dr-syncer", ...shop, "dr-syncer.io/role=Active");
    await this.#until("the mirror told", () => this.#view.replication?.status?.role === "Active");
    await kubectl("delete", "resourcequota", "dr-syncer-standby", ...shop);
    const { stdout: text } = await cluster.kubectl(["get", "statefulset", "orders", ...shop, "-o", "json"], { signal });
    const { labels, annotations } = JSON.parse(text).metadata;
    if (labels?.[MANAGED_BY] === undefined) throw new Error("Cannot activate: StatefulSet orders in DR is no copy");
    await kubectl("scale", "statefulset", "orders", ...shop, `--replicas=${annotations[ORIGINAL_REPLICAS]}`);
    await this.#untilReady(cluster);
    // It says so once it has read everything.
    return await this.#until("what the application found in DR", async () => {
      return readContents((await cluster.kubectl(["logs", POD, ...shop], { signal })).stdout);
    }, 300);
  }

  async #untilReady(cluster: Cluster): Promise<void> {
    const { waitMs, signal } = this.#options;
    const args = ["rollout", "status", "statefulset/orders", "-n", NAMESPACE, `--timeout=${waitMs}ms`];
    await cluster.kubectl(args, { signal, deadlineMs: waitMs + 5_000 });
  }

  async #look(cluster: Cluster): Promise<Contents> {
    const text = await this.#run(cluster, "sh /program/look");
    const contents = readContents(text);
    if (contents === undefined) throw new Error(`Cannot read what is on the volume: ${text.slice(0, 200)}`);
    return contents;
  }

  async #run(cluster: Cluster, script: string): Promise<string> {
    const { signal } = this.#options;
    return (await cluster.kubectl(["exec", "-n", NAMESPACE, POD, "--", "sh", "-c", script], { signal })).stdout;
  }

  async #until<T>(what: string, look: () => T | undefined | false | Promise<T | undefined | false>, pollMs = 50) {
    const { waitMs: deadlineMs, signal } = this.#options;
    const describe = () => `the status says ${JSON.stringify(this.#view.volume ?? "nothing of it")}`;
    return await waitFor(what, look, { deadlineMs, pollMs, signal, describe });
  }

  #title(title: string, more: string): void {
    const { board } = this.#options;
    board.tell();
    board.tell(`${board.bold(title)} ${board.dim(`(${more})`)}`);
  }
}

function describe({ orders, files, bytes }: Contents): string {
  return `${orders} orders, ${files} files, ${formatBytes(bytes)}`;
}
