/**
 * What every measurement runs on: two clusters, the controller as its ServiceAccount, a thread that writes and one that watches.
 *
 * @module
 */
import { type Scene, startScene } from "../e2e/scene.ts";
import { waitFor } from "../wait.ts";
import { type Access, openAccess } from "./access.ts";
import { CalledWorker } from "./calls.ts";
import { WIDGETS_DEFINITION } from "./objects.ts";
import type { Observer, Seen } from "./observer_worker.ts";
import type { Writer } from "./writer_worker.ts";

const READY_DEADLINE_MS = 60_000;

/** A stage. `await using` clears it away. */
export interface Stage extends AsyncDisposable {
  readonly scene: Scene;
  readonly writer: CalledWorker<Writer>;
  readonly observer: CalledWorker<Observer>;
  /** Both clusters as administrator, for what is not timed, and for lists. */
  readonly source: Access;
  readonly dr: Access;
  /** Processes whose use of the processor tells who is busy. */
  readonly pids: Readonly<Record<string, number>>;
}

/** Starts clusters, controller and threads. */
export async function startStage(): Promise<Stage> {
  const scene = await startScene({ controller: false });
  const threads = new DisposableStack();
  try {
    const clusters = [scene.source, scene.dr];
    await Promise.all(clusters.map((cluster) => scene.apply([WIDGETS_DEFINITION], cluster)));
    const established = ["wait", "--for=condition=Established", "crd/widgets.bench.example.com"];
    await Promise.all(clusters.map((cluster) => cluster.kubectl(established)));
    const controller = await scene.startController(["--log-level", "info"]);
    const writer = threads.use(new CalledWorker<Writer>(new URL("writer_worker.ts", import.meta.url)));
    const observer = threads.use(new CalledWorker<Observer>(new URL("observer_worker.ts", import.meta.url)));
    await writer.call("open", { source: scene.source.kubeconfig, dr: scene.dr.kubeconfig });
    await observer.call("watch", scene.dr.kubeconfig);
    const [source, dr] = [await openAccess(scene.source.kubeconfig), await openAccess(scene.dr.kubeconfig)];
    threads.defer(() => [source, dr].forEach(({ client }) => client.close()));
    const pids = {
      "controller": controller.pid,
      "source API server": scene.source.apiServerPid,
      "DR API server": scene.dr.apiServerPid,
      "this bench": Deno.pid,
    };
    const clear = async () => {
      threads.dispose();
      await scene[Symbol.asyncDispose]();
    };
    return { scene, writer, observer, source, dr, pids, [Symbol.asyncDispose]: clear };
  } catch (error) {
    threads.dispose();
    await scene[Symbol.asyncDispose]();
    throw error;
  }
}

/** Creates a namespace in a cluster. */
export async function createNamespace(stage: Stage, cluster: "source" | "dr", name: string): Promise<void> {
  await stage.scene.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name } }], stage.scene[cluster]);
}

/** Mirrors a namespace of the source; returns when everything in it is in DR, and its writes are announced. */
export async function mirror(stage: Stage, namespace: string): Promise<void> {
  await stage.scene.replicate(namespace);
  await stage.scene.condition(namespace, "Synced", "True");
  await waitFor(`writes to ${namespace} are announced to the controller`, async () => {
    const { stdout } = await stage.scene.source.kubectl(["get", "validatingwebhookconfigurations", "-o", "json"]);
    return stdout.includes(`"${namespace}"`);
  }, { deadlineMs: READY_DEADLINE_MS });
}

/** Waits until the watch has seen what is to come. */
export async function untilSeen(
  stage: Stage,
  namespace: string,
  enough: (seen: Seen) => boolean,
  deadlineMs: number,
): Promise<Seen> {
  let last: Seen | undefined;
  const describe = () => {
    const log = stage.scene.controller.rawLines.filter((line) => !line.includes('"dr-syncer.audit"')).slice(-5);
    return `${last?.objects} objects, the latest of write ${last?.write}; the controller last said:\n${log.join("\n")}`;
  };
  return await waitFor(`the copies in ${namespace}`, async () => {
    last = await stage.observer.call("seen", namespace);
    return enough(last) && last;
  }, { deadlineMs, pollMs: 200, describe });
}
