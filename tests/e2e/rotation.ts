/**
 * Kubeconfig Secrets that change while objects are mirrored, seen from the API servers: what is asked, and by which token.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createKubeClient } from "../../kube/client.ts";
import { parseInlineKubeconfig } from "../../kube/config.ts";
import { isKubeError } from "../../kube/errors.ts";
import { createTransport } from "../../kube/transport.ts";
import type { KubeClient } from "../../kube/types.ts";
import { type ApiCall, type ApiProxy, startApiProxy } from "../faults/api_proxy.ts";
import { CONFIG_MAPS } from "../kube/follower.ts";
import type { Cluster } from "../rig/cluster.ts";
import { connectDr, deployFolder } from "../rig/install.ts";
import { waitFor } from "../wait.ts";
import { Api, conditionOf, CONTROL } from "./api.ts";
import type { SafetyScene } from "./safety.ts";
import { replication } from "./scene.ts";

const DEADLINE_MS = 60_000;
/** Objects that are written over and over; every tenth write makes a new one. */
const HOT = 5;
const PAUSE_MS = 20;

/** Calls that came through a proxy since it was asked to note them. */
class Calls {
  readonly all: ApiCall[] = [];

  constructor(proxy: ApiProxy) {
    proxy.inject((call) => {
      this.all.push(call);
      return undefined;
    });
  }

  /** Paths that were watched with a token. */
  watched(token: string): Set<string> {
    const withToken = this.all.filter(({ watch, headers }) => watch && headers.get("authorization")?.endsWith(token));
    return new Set(withToken.map(({ path, query }) => `${path}?${query.get("labelSelector") ?? ""}`));
  }

  /** Lists of whole objects, and watches that begin with one or anywhere but where a former one was. */
  anew(): string[] {
    const isAnew = ({ method, path, query, headers, watch }: ApiCall) =>
      watch
        ? query.get("resourceVersion") === null || query.has("sendInitialEvents")
        : method === "GET" && path.endsWith("/configmaps") && !headers.get("accept")?.includes("PartialObject");
    return this.all.filter(isAnew).map(({ path, query }) => `${path}?${query}`);
  }
}

/** A ServiceAccount's token that ends with a Secret of its cluster. */
interface Token {
  readonly token: string;
  readonly kubeconfig: string;
  revoke(): Promise<void>;
}

/** Makes a token bound to a Secret. */
export async function boundToken(cluster: Cluster, serviceAccount: string, secret: string): Promise<Token> {
  await cluster.kubectl(["create", "secret", "generic", secret, "-n", CONTROL]);
  const bound = ["--bound-object-kind=Secret", `--bound-object-name=${secret}`];
  const { stdout } = await cluster.kubectl(["create", "token", serviceAccount, "-n", CONTROL, ...bound]);
  const token = stdout.trim();
  return {
    token,
    kubeconfig: await cluster.kubeconfigFor({ token }),
    async revoke() {
      await cluster.kubectl(["delete", "secret", secret, "-n", CONTROL]);
    },
  };
}

/** One end of the mirror: its cluster behind a proxy, as a RemoteCluster. */
class End implements AsyncDisposable {
  readonly proxy: ApiProxy;

  constructor(readonly name: string, readonly cluster: Cluster, readonly serviceAccount: string) {
    this.proxy = startApiProxy(cluster);
  }

  async connect(source: Cluster, secret: string): Promise<Token> {
    const token = await boundToken(this.cluster, this.serviceAccount, `${this.name}-${secret}`);
    await connectDr(source, this.name, this.proxy.kubeconfig(token.kubeconfig));
    return token;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
  }
}

/** Writes ConfigMaps without end; `stop` answers what each holds. */
class Writer implements AsyncDisposable {
  readonly #client: KubeClient;
  readonly #namespace: string;
  readonly #written = new Map<string, string>();
  readonly #done: Promise<void>;
  #stopped = false;
  count = 0;

  constructor(cluster: Cluster, namespace: string) {
    this.#client = createKubeClient(createTransport(parseInlineKubeconfig(cluster.kubeconfig)));
    this.#namespace = namespace;
    this.#done = this.#run();
  }

  async stop(): Promise<ReadonlyMap<string, string>> {
    this.#stopped = true;
    await this.#done;
    return this.#written;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.#client.close();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const name = this.count % 10 === 0 ? `written-${this.count}` : `hot-${this.count % HOT}`;
      const value = String(this.count++);
      const metadata = { name, namespace: this.#namespace };
      const object = { apiVersion: "v1", kind: "ConfigMap", metadata, data: { value } };
      await this.#client.apply(CONFIG_MAPS, object, { fieldManager: "writer" });
      this.#written.set(name, value);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

/** Both Secrets get another token under a stream of writes, and the former ones end: see the assertions. */
export async function rotateUnderWrites(safety: SafetyScene, other: Cluster): Promise<void> {
  const name = "id-rotating";
  const { source, dr } = safety.scene;
  await other.kubectl(["apply", "-k", deployFolder("source-cluster")]);
  await other.kubectl(["create", "namespace", name]);
  await using from = new End("id-rotating-source", other, "dr-syncer-source");
  await using to = new End("id-rotating-target", dr, "dr-syncer-dr");
  const first = [await from.connect(source, "first"), await to.connect(source, "first")] as const;
  const [before, after] = [[from, to].map(({ proxy }) => new Calls(proxy)), [] as Calls[]];
  const spec = { sourceCluster: from.name, destinationCluster: to.name, sourceNamespace: name };
  await safety.scene.apply([replication(name, spec)]);
  await safety.source.condition("replications", name, { type: "Synced", status: "True" }, DEADLINE_MS);
  const reachable = await Promise.all([from, to].map((end) => reachableSince(safety.source, end.name)));
  await using writer = new Writer(other, name);
  await arrives(safety.dr, name, writer);
  after.push(...[from, to].map(({ proxy }) => new Calls(proxy)));
  const second = [await from.connect(source, "second"), await to.connect(source, "second")] as const;
  for (const [index, end] of [from, to].entries()) {
    await first[index]?.revoke();
    await refused(end.cluster, first[index]?.token ?? "");
    await waitFor(`the watches of ${end.name} go on with the new token`, () => {
      const now = after[index]?.watched(second[index]?.token ?? "");
      return [...before[index]?.watched(first[index]?.token ?? "") ?? []].every((path) => now?.has(path));
    }, { deadlineMs: DEADLINE_MS });
  }
  await arrives(safety.dr, name, writer);
  assert.deepEqual(after.flatMap((calls) => calls.anew()), [], "nothing is listed or watched anew");
  const still = await Promise.all([from, to].map((end) => reachableSince(safety.source, end.name)));
  assert.deepEqual(still, reachable, "reachable all along");
  await pointedElsewhere(safety, name, to, other);
  await arrives(safety.dr, name, writer);
  for (const [object, value] of await writer.stop()) {
    await safety.dr.until("configmaps", name, object, ({ data }) => data.value === value);
  }
}

/** The Secret points at another cluster while writes are under way: nobody there is asked for more than who it is. */
async function pointedElsewhere({ scene, source }: SafetyScene, name: string, to: End, other: Cluster): Promise<void> {
  await using wrong = startApiProxy(other);
  const calls = new Calls(wrong);
  const elsewhere = await boundToken(other, "dr-syncer-dr", `${name}-elsewhere`);
  await connectDr(scene.source, to.name, wrong.kubeconfig(elsewhere.kubeconfig));
  const changed = { type: "Reachable", status: "False" as const, reason: "IdentityChanged" };
  await source.condition("remoteclusters", to.name, changed);
  await to.connect(scene.source, "third");
  await source.condition("remoteclusters", to.name, { type: "Reachable", status: "True" });
  const asked = new Set(calls.all.map(({ method, path }) => `${method} ${path}`));
  assert.deepEqual([...asked].sort(), ["GET /api/v1/namespaces/kube-system", "GET /version"]);
}

/** Waits until something that is written from now on is in DR. */
async function arrives(dr: Api, namespace: string, writer: Writer): Promise<void> {
  const from = writer.count;
  const isNew = ({ data }: { data?: { value?: string } }) => Number(data?.value) >= from;
  await dr.until("configmaps", namespace, "hot-1", isNew, DEADLINE_MS);
}

async function reachableSince(source: Api, name: string): Promise<string> {
  const remote = await source.condition("remoteclusters", name, { type: "Reachable", status: "True" });
  return conditionOf(remote, "Reachable").lastTransitionTime;
}

/** Waits until a token is not taken any more: API servers remember for a while that it was good. */
async function refused(cluster: Cluster, token: string): Promise<void> {
  const client = createKubeClient(createTransport(parseInlineKubeconfig(await cluster.kubeconfigFor({ token }))));
  const isRefused = () =>
    client.json("GET", "/version").then(() => false, (error: unknown) => isKubeError(error, "Unauthorized"));
  try {
    await waitFor("the former token is refused", isRefused, { deadlineMs: DEADLINE_MS });
  } finally {
    client.close();
  }
}
