/**
 * A scene for end-to-end tests: a source and DR clusters with what `kubectl apply -k deploy` installs, and the controller as its
 * ServiceAccount.
 *
 * @module
 */
import { join } from "node:path";
import { connectDr, installDr, installSource, keepPodsAway } from "../rig/install.ts";
import { type Cluster, type ClusterOptions, startCluster } from "../rig/cluster.ts";
import { waitFor } from "../wait.ts";
import { type ControllerProcess, startController } from "./controller_process.ts";

/** An object as kubectl prints it. */
// deno-lint-ignore no-explicit-any -- tests look into objects of every kind
export type Printed = any;

/** What a scene starts with. */
export interface SceneOptions {
  /** Names of DR clusters; one, `dr`, unless told otherwise. */
  readonly drs?: readonly string[];
  readonly source?: Partial<ClusterOptions>;
  readonly dr?: Partial<ClusterOptions>;
  readonly flags?: readonly string[];
  /** Folder of `deploy` that is installed in the source, the usual one unless told otherwise. */
  readonly overlay?: string;
  /** False: the test starts the controller itself. */
  readonly controller?: boolean;
}

/** A running scene. `await using` ends it. */
export class Scene implements AsyncDisposable {
  readonly source: Cluster;
  readonly drs: readonly Cluster[];
  readonly kubeconfigPath: string;
  controllers: ControllerProcess[] = [];

  constructor(source: Cluster, drs: readonly Cluster[], kubeconfigPath: string) {
    this.source = source;
    this.drs = drs;
    this.kubeconfigPath = kubeconfigPath;
  }

  /** The first DR cluster. */
  get dr(): Cluster {
    return this.drs[0] as Cluster;
  }

  /** The controller that was started last. */
  get controller(): ControllerProcess {
    return this.controllers.at(-1) as ControllerProcess;
  }

  /** Starts a(nother) controller. */
  async startController(flags: readonly string[] = [], identity?: string): Promise<ControllerProcess> {
    const controller = await startController({ kubeconfigPath: this.kubeconfigPath, flags, identity });
    this.controllers.push(controller);
    return controller;
  }

  /** Applies manifests (YAML or objects) in the source, or in `cluster`. */
  async apply(manifests: string | readonly object[], cluster: Cluster = this.source): Promise<void> {
    const stdin = typeof manifests === "string"
      ? manifests
      : JSON.stringify({ apiVersion: "v1", kind: "List", items: manifests });
    await cluster.kubectl(["apply", "--server-side", "--force-conflicts", "-f", "-"], { stdin });
  }

  /** Creates a source namespace and a Replication of it; `spec` is added to the Replication's. */
  async replicate(namespace: string, spec: Record<string, unknown> = {}, name = namespace): Promise<void> {
    await this.apply([
      { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
      replication(name, { destinationCluster: this.dr.name, sourceNamespace: namespace, ...spec }),
    ]);
  }

  /** An object, or undefined when it is not there. */
  async get(cluster: Cluster, kind: string, name: string, namespace?: string): Promise<Printed | undefined> {
    const args = ["get", kind, name, "-o", "json", "--ignore-not-found", ...(namespace ? ["-n", namespace] : [])];
    const { stdout } = await cluster.kubectl(args);
    return stdout.trim() === "" ? undefined : JSON.parse(stdout);
  }

  /** Objects of a kind in a namespace. */
  async list(cluster: Cluster, kind: string, namespace: string): Promise<Printed[]> {
    const { stdout } = await cluster.kubectl(["get", kind, "-n", namespace, "-o", "json"]);
    return JSON.parse(stdout).items;
  }

  /** Waits until an object is there and as the test wants it. */
  async until(
    cluster: Cluster,
    kind: string,
    name: string,
    namespace: string,
    condition: (object: Printed) => unknown = () => true,
    deadlineMs = 20_000,
  ): Promise<Printed> {
    let last: Printed | undefined;
    const look = async () => {
      last = await this.get(cluster, kind, name, namespace);
      return last !== undefined && condition(last) ? last : undefined;
    };
    const describe = () => {
      const seen = last === undefined ? "it was not there" : `seen last: ${JSON.stringify(last)}`;
      return `${seen}\nthe controller said last:\n${this.#lastWords()}`;
    };
    return await waitFor(`${kind}/${name} in ${cluster.name}/${namespace}`, look, { deadlineMs, describe });
  }

  #lastWords(): string {
    const lines = this.controllers.at(-1)?.rawLines.slice(-25) ?? [];
    return lines.map((line) => line.slice(0, 400)).join("\n");
  }

  /** Waits until an object is gone. */
  async untilGone(cluster: Cluster, kind: string, name: string, namespace: string, deadlineMs = 20_000): Promise<void> {
    await waitFor(
      `${kind}/${name} gone from ${cluster.name}/${namespace}`,
      async () => await this.get(cluster, kind, name, namespace) === undefined,
      { deadlineMs },
    );
  }

  /** Waits for a condition in the status of a Replication. */
  async condition(
    replicationName: string,
    type: string,
    status: "True" | "False" | "Unknown",
    reason?: string,
    deadlineMs = 40_000,
  ): Promise<Printed> {
    return await this.until(this.source, "replications.dr-syncer.io", replicationName, "dr-syncer-system", (object) => {
      const found = object.status?.conditions?.find((condition: Printed) => condition.type === type);
      return found?.status === status && (reason === undefined || found.reason === reason);
    }, deadlineMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.controllers.map(async (controller) => {
        controller.signal("SIGCONT");
        await controller.stop("SIGKILL");
      }).map((ending) => ending.catch(() => {})),
    );
    await Promise.all([this.source, ...this.drs].map((cluster) => cluster.stop()));
  }
}

/** A Replication in the control namespace. */
export function replication(name: string, spec: Record<string, unknown>): object {
  return {
    apiVersion: "dr-syncer.io/v1alpha1",
    kind: "Replication",
    metadata: { name, namespace: "dr-syncer-system" },
    spec,
  };
}

/** Starts clusters, installs, connects and starts the controller. */
export async function startScene(options: SceneOptions = {}): Promise<Scene> {
  const names = options.drs ?? ["dr"];
  const [source, ...drs] = await Promise.all([
    startCluster({ name: "source", ...options.source }),
    ...names.map((name) => startCluster({ name, ...options.dr })),
  ]);
  if (source.node !== undefined) await keepPodsAway(source);
  const { kubeconfig } = await installSource(source, options.overlay);
  const kubeconfigPath = join(source.directory, "controller.kubeconfig");
  await Deno.writeTextFile(kubeconfigPath, kubeconfig, { mode: 0o600 });
  for (const dr of drs) await connectDr(source, dr.name, (await installDr(dr)).kubeconfig);
  const scene = new Scene(source, drs, kubeconfigPath);
  if (options.controller !== false) await scene.startController(options.flags);
  return scene;
}
