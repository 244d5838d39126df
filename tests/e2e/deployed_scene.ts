/**
 * A source cluster in which the controller runs as `deploy` installs it, and its DR cluster; both have a node.
 *
 * @module
 */
import assert from "node:assert/strict";
import { startCluster } from "../rig/cluster.ts";
import { waitFor } from "../wait.ts";
import { Api, CONTROL } from "./api.ts";
import { openShell, type Shell } from "./guide_shell.ts";
import { type Printed, replication, Scene } from "./scene.ts";
import { SteadyCall, SteadyCalls } from "./steady_calls.ts";

/** Where the controller's image is said to come from; the source's node has it. */
export const IMAGE = "registry.example.com/team/dr-syncer";
/** The namespace that is mirrored. */
export const NAMESPACE = "shop";
/** What `/validate` answers to `invalidReplication`. */
export const REFUSAL = 'spec.sourceNamespace: "kube-system": this namespace is never mirrored';

const DEADLINE_MS = 90_000;
/** Rounds before and after what happens, at some eight a second. */
const SOME_ROUNDS = 15;

/** Two clusters; `await using` ends them. */
export interface Deployed extends AsyncDisposable {
  readonly scene: Scene;
  readonly shell: Shell;
}

/** Starts the clusters; installs nothing. The source's node has the controller's image under the name `IMAGE` alone. */
export async function startDeployed(): Promise<Deployed> {
  await using stack = new AsyncDisposableStack();
  const start = async (name: string) => stack.use(await startCluster({ name, nodes: true, agents: name === "dr" }));
  const [source, dr] = await Promise.all([start("source"), start("dr")]);
  const own = "docker.io/library/dr-syncer:0.1.0";
  for (const args of [["tag", own, `${IMAGE}:0.1.0`], ["remove", own]]) {
    const { code, stderr } = await source.node!.run(["ctr", "--namespace=k8s.io", "images", ...args]);
    assert.equal(code, 0, stderr);
  }
  const shell = await openShell(source, dr);
  const moved = stack.move();
  return {
    scene: new Scene(source, [dr], source.kubeconfigPath),
    shell,
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

/** Pods of the controller that are not being deleted. */
export async function controllerPods(scene: Scene): Promise<Printed[]> {
  const pods = await scene.list(scene.source, "pods", CONTROL);
  return pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

/** Name of the Pod that leads, once it is one that runs, is labelled, and alone behind Service `dr-syncer-observe`. */
export async function leadingPod(scene: Scene, condition: (name: string) => boolean = () => true): Promise<string> {
  return await waitFor("a leader that hears of writes", async () => {
    const { spec } = await scene.get(scene.source, "lease", "dr-syncer-controller", CONTROL);
    const pods = await controllerPods(scene);
    const slices = await scene.list(scene.source, "endpointslices", CONTROL);
    const behind = slices.filter(({ metadata }) =>
      metadata.labels["kubernetes.io/service-name"] === "dr-syncer-observe"
    )
      .flatMap(({ endpoints }) => endpoints ?? []).filter(({ conditions }) => conditions.ready);
    const labelled = pods.filter(({ metadata }) => metadata.labels["dr-syncer.io/leader"] === "true");
    const names = [behind.map(({ targetRef }) => targetRef.name), labelled.map(({ metadata }) => metadata.name)];
    const isSettled = names.every((found) => found.join() === spec.holderIdentity) && condition(spec.holderIdentity);
    return isSettled ? spec.holderIdentity as string : undefined;
  }, { deadlineMs: DEADLINE_MS });
}

/** Waits until two replicas are ready, and no more are there. */
export async function untilTwoReplicas(scene: Scene): Promise<void> {
  await scene.until(scene.source, "deployment", "dr-syncer", CONTROL, ({ metadata, status }) => {
    const { observedGeneration, replicas, updatedReplicas, readyReplicas, availableReplicas } = status;
    return observedGeneration === metadata.generation &&
      [replicas, updatedReplicas, readyReplicas, availableReplicas].every((count) => count === 2);
  }, DEADLINE_MS);
}

/** A Replication as an answer of the webhook is asked for; nothing is stored. */
export function askAbout(sourceNamespace: string, status: number, says?: string): SteadyCall {
  return {
    what: `a Replication of ${sourceNamespace}`,
    method: "POST",
    path: `/apis/dr-syncer.io/v1alpha1/namespaces/${CONTROL}/replications?dryRun=All`,
    body: replication("asked-about", { destinationCluster: "dr", sourceNamespace }),
    status,
    says,
  };
}

/** A ConfigMap that is new with each round, and one that changes. */
export function writesOf(prefix: string, round: number): SteadyCall[] {
  const path = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
  const data = { round: `${prefix}-${round}` };
  const created = { metadata: { name: `${prefix}-${round}` }, data };
  return [
    { what: `create ${prefix}-${round}`, method: "POST", path, body: created, status: 201 },
    { what: `change to ${prefix}-${round}`, method: "PATCH", path: `${path}/settings`, body: { data }, status: 200 },
  ];
}

/**
 * Does something while the source is written: no write is refused, what is wrong is refused, and all arrives in DR.
 *
 * @param judged whether Replications are asked about, too
 */
export async function whileWritten(
  scene: Scene,
  prefix: string,
  act: () => Promise<void>,
  judged = true,
): Promise<void> {
  const questions = judged ? [askAbout("probe", 201), askAbout("kube-system", 422, REFUSAL)] : [];
  await using calls = new SteadyCalls(scene.source, (round) => [...writesOf(prefix, round), ...questions]);
  const some = async () => {
    const before = calls.rounds;
    await waitFor("some rounds", () => calls.rounds >= before + SOME_ROUNDS, { deadlineMs: DEADLINE_MS });
  };
  await some();
  await act();
  await some();
  await calls.stop();
  assert.deepEqual(calls.problems, []);
  await arrived(scene, prefix, calls.rounds);
}

async function arrived(scene: Scene, prefix: string, rounds: number): Promise<void> {
  using dr = new Api(scene.dr);
  const names = Array.from({ length: rounds }, (_, index) => `${prefix}-${index + 1}`);
  const missing = async () => {
    const copies = new Set((await dr.list("configmaps", NAMESPACE)).map(({ data }) => data?.round));
    const { data } = await dr.get("configmaps", NAMESPACE, "settings");
    return [...names.filter((name) => !copies.has(name)), ...(data.round === names.at(-1) ? [] : ["the last change"])];
  };
  await waitFor(`all ${rounds} rounds in DR`, async () => (await missing()).length === 0, {
    deadlineMs: DEADLINE_MS,
    describe: async () => `missing are ${(await missing()).join(", ")}`,
  });
}
