/**
 * The controller where users have it: in the source cluster, from its image, with the manifests, behind its Services.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Cluster } from "../rig/cluster.ts";
import { connectDr } from "../rig/install.ts";
import { waitFor } from "../wait.ts";
import { CONTROL } from "./api.ts";
import {
  askAbout,
  controllerPods,
  type Deployed,
  IMAGE,
  leadingPod,
  NAMESPACE,
  REFUSAL,
  startDeployed,
  untilTwoReplicas,
  whileWritten,
} from "./deployed_scene.ts";
import { readBlocks } from "./guide_shell.ts";
import { type Printed, replication } from "./scene.ts";
import { SteadyCalls } from "./steady_calls.ts";

const DEADLINE_MS = 90_000;

Deno.test("the controller in its cluster", async (t) => {
  const directories = await use(t);
  await t.step("nothing is left of the clusters", () => nothingLeft(directories));
});

/** From an installation to its end; answers with the folders of clusters that have ended, too. */
async function use(t: Deno.TestContext): Promise<string[]> {
  await using deployed = await startDeployed();
  const step = (name: string, run: (deployed: Deployed) => Promise<void>) => t.step(name, () => run(deployed));
  await step("it is installed as deploy/README.md says, and no write is refused meanwhile", install);
  await step("two replicas without privileges, one of which leads", replicas);
  await step("each of them refuses what is wrong", refusals);
  await step("what a user applies is in DR, and does not run there", mirror);
  await step("the leader is deleted: the other one goes on", (it) => deleteLeader(it, "deleted", true));
  await step(
    "the leader is deleted by force",
    (it) => deleteLeader(it, "forced", false, "--grace-period=0", "--force"),
  );
  await step("the leader is killed: it starts again", killLeader);
  await step("all replicas are replaced, one by one", restart);
  await step("the permissions are all that it wants", permissions);
  await step("the image of the agents starts", agent);
  await step("the uninstallation of the guide leaves nothing, and refuses no write", uninstall);
  return [deployed.scene.source, deployed.scene.dr].map(({ directory }) => directory);
}

async function blockOf(page: string, command: string): Promise<string> {
  const block = (await readBlocks()).find((one) => one.page === page && one.text.includes(command));
  assert.ok(block, `${page} has no "${command}"`);
  return block.text;
}

async function install({ scene, shell }: Deployed): Promise<void> {
  const edit = `s|newName: .*|newName: ${IMAGE}|`;
  await shell.run(`cp -RL deploy deploy.own && rm deploy && mv deploy.own deploy
    sed -i '${edit}' deploy/kustomization.yaml`);
  const commands = await blockOf("deploy/README.md", "kubectl --context source apply -k deploy");
  const applied = shell.run(commands.replace("https://dr.example.com:6443", scene.dr.server));
  const kinds = ["get", "--raw", `/apis/dr-syncer.io/v1alpha1/namespaces/${CONTROL}/replications`];
  await waitFor("our kinds", () => scene.source.kubectl(kinds), { deadlineMs: DEADLINE_MS });
  await using calls = new SteadyCalls(scene.source, () => [askAbout("probe", 201)]);
  await applied;
  await untilTwoReplicas(scene);
  const hook = () => scene.get(scene.source, "validatingwebhookconfiguration", "dr-syncer-validate");
  await waitFor("the hook", hook, { deadlineMs: DEADLINE_MS });
  const rounds = calls.rounds;
  await waitFor("some more rounds", () => calls.rounds > rounds + 20, { deadlineMs: DEADLINE_MS });
  await calls.stop();
  assert.deepEqual(calls.problems, []);
}

async function replicas(deployed: Deployed): Promise<void> {
  const { scene, shell } = deployed;
  await shell.run("kubectl -n dr-syncer-system wait deployment/dr-syncer --for=condition=Available --timeout=10s");
  const pods = await controllerPods(scene);
  assert.deepEqual(pods.map(({ spec }) => spec.containers[0].image), [`${IMAGE}:0.1.0`, `${IMAGE}:0.1.0`]);
  const leader = await leadingPod(scene);
  assert.ok(pods.some(({ metadata }) => metadata.name === leader), leader);
  for (const { metadata } of pods) {
    const inside = (command: string) =>
      scene.source.kubectl(["-n", CONTROL, "exec", metadata.name, "--", "sh", "-c", command], { allowFailure: true });
    assert.equal((await inside("id -u")).stdout, "65532\n");
    assert.match((await inside("touch /app/x /tmp/x")).stderr, /'\/app\/x': Read-only.*\n.*'\/tmp\/x': Read-only/);
    assert.match((await inside("cat /proc/1/status")).stdout, /CapEff:\s+0+\nCapBnd:\s+0+\n/);
  }
  assert.match(await readMetrics(deployed), /^dr_syncer_leader [01]$/m);
}

/** What the Service of metrics answers on the node. */
async function readMetrics({ scene: { source } }: Deployed): Promise<string> {
  const service = ["-n", CONTROL, "get", "service", "dr-syncer-metrics", "-o", "jsonpath={.spec.clusterIP}"];
  const url = `http://${(await source.kubectl(service)).stdout}:8080/metrics`;
  return await evaluateOnNode(source, `await (await fetch(${JSON.stringify(url)})).text()`);
}

/** The text that an expression gives, evaluated in the network of a cluster's node. */
async function evaluateOnNode({ node }: Cluster, expression: string): Promise<string> {
  const flags = ["--no-config", "--unsafely-ignore-certificate-errors"];
  const { code, stdout, stderr } = await node!.run([Deno.execPath(), "eval", ...flags, `console.log(${expression})`]);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** What one replica answers when it is asked about a new Replication. */
async function judge({ scene }: Deployed, pod: Printed, object: Printed): Promise<Printed> {
  const resource = { group: "dr-syncer.io", version: "v1alpha1", resource: "replications" };
  const request = { uid: "u", resource, operation: "CREATE", namespace: CONTROL, name: "asked-about", object };
  const [url, body] = [`https://${pod.status.podIP}:9443/validate`, JSON.stringify({ request })]
    .map((text) => JSON.stringify(text));
  const expression = `await (await fetch(${url}, { method: "POST", body: ${body} })).text()`;
  return JSON.parse(await evaluateOnNode(scene.source, expression)).response;
}

async function refusals(deployed: Deployed): Promise<void> {
  const { scene } = deployed;
  const wrong = replication("wrong", { destinationCluster: "dr", sourceNamespace: "kube-system" });
  const { code, stderr } = await scene.source.kubectl(["apply", "-f", "-"], {
    stdin: JSON.stringify(wrong),
    allowFailure: true,
  });
  assert.equal(code, 1);
  assert.ok(
    stderr.includes(`admission webhook "dr-syncer-validate.dr-syncer.io" denied the request: ${REFUSAL}`),
    stderr,
  );
  // The cluster itself by another name: that it is the same one is known by its identity alone.
  const kubeconfig = await scene.source.kubeconfigFor({ namespace: CONTROL, serviceAccount: "dr-syncer" });
  await connectDr(scene.source, "itself", kubeconfig);
  await scene.until(scene.source, "remotecluster", "itself", CONTROL, ({ status }) => status?.clusterId, DEADLINE_MS);
  const cases = [
    [{ destinationCluster: "dr", sourceNamespace: "kube-system" }, /never mirrored/],
    [{ destinationCluster: "itself", sourceNamespace: NAMESPACE }, /same namespace/],
  ] as const;
  const valid = replication("asked-about", { destinationCluster: "dr", sourceNamespace: "probe" });
  const create = ["create", "--dry-run=server", "-o", "json", "-f", "-"];
  const object = JSON.parse((await scene.source.kubectl(create, { stdin: JSON.stringify(valid) })).stdout);
  for (const pod of await controllerPods(scene)) {
    for (const [spec, says] of cases) {
      await waitFor(`${pod.metadata.name} refuses ${JSON.stringify(spec)}`, async () => {
        const { allowed, status } = await judge(deployed, pod, { ...object, spec: { ...object.spec, ...spec } });
        return !allowed && says.test(status.message);
      }, { deadlineMs: 30_000 });
    }
  }
  await scene.source.kubectl(["-n", CONTROL, "delete", "remotecluster/itself", "secret/itself-kubeconfig"]);
}

async function mirror({ scene, shell }: Deployed): Promise<void> {
  const { source, dr } = scene;
  await source.kubectl(["create", "namespace", NAMESPACE]);
  await scene.apply([couponDefinition]);
  await source.kubectl(["wait", "crd/coupons.example.com", "--for=condition=Established", "--timeout=30s"]);
  await shell.run("kubectl apply -f deploy/examples/continuous.yaml");
  await scene.condition(NAMESPACE, "Synced", "True", undefined, DEADLINE_MS);
  const objects = await Deno.readTextFile(new URL("deployed_objects.yaml", import.meta.url));
  await source.kubectl(["apply", "-n", NAMESPACE, "-f", "-"], { stdin: objects });
  const copy = (kind: string, name: string, condition: (object: Printed) => unknown) =>
    scene.until(dr, kind, name, NAMESPACE, condition, DEADLINE_MS);
  await copy("configmap", "settings", ({ data }) => data.color === "green");
  await copy("secret", "password", ({ data }) => atob(data.password) === "s3cr3t-of-a-test");
  await copy("coupon", "summer", ({ spec }) => spec.percent === 20);
  const { spec } = await copy("deployment", "web", () => true);
  assert.equal(spec.replicas, 0);
  await source.kubectl(["-n", NAMESPACE, "wait", "deployment/web", "--for=condition=Available", "--timeout=60s"]);
  assert.deepEqual(await scene.list(dr, "pods", NAMESPACE), []);
  const { stdout } = await shell.run("kubectl -n dr-syncer-system get replications");
  assert.match(
    stdout,
    /^NAME +SOURCE +DESTINATION +CLUSTER +MODE +PHASE .*\nshop +shop +shop +dr +Continuous +Running /,
  );
}

const couponDefinition = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "coupons.example.com" },
  spec: {
    group: "example.com",
    scope: "Namespaced",
    names: { kind: "Coupon", plural: "coupons", singular: "coupon" },
    versions: [{
      name: "v1",
      served: true,
      storage: true,
      schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
    }],
  },
};

/** What was asked of a Pod that has no time to end is lost: `judged` is for one that has. */
async function deleteLeader({ scene }: Deployed, prefix: string, judged: boolean, ...how: string[]): Promise<void> {
  const leader = await leadingPod(scene);
  await whileWritten(scene, prefix, async () => {
    await scene.source.kubectl(["-n", CONTROL, "delete", "pod", leader, ...how]);
    await leadingPod(scene, (name) => name !== leader);
    await untilTwoReplicas(scene);
  }, judged);
}

async function killLeader({ scene }: Deployed): Promise<void> {
  const leader = await leadingPod(scene);
  const read = () => scene.get(scene.source, "pod", leader, CONTROL);
  const { status: { containerStatuses: [{ containerID, restartCount }] } } = await read();
  const id = containerID.replace("containerd://", "");
  await whileWritten(scene, "killed", async () => {
    const kill = ["ctr", "--namespace=k8s.io", "tasks", "kill", "--signal=SIGKILL", id];
    const { code, stderr } = await scene.source.node!.run(kill);
    assert.equal(code, 0, stderr);
    await scene.until(scene.source, "pod", leader, CONTROL, ({ status }) => {
      return status.containerStatuses[0].restartCount > restartCount && status.containerStatuses[0].ready;
    }, DEADLINE_MS);
    await leadingPod(scene);
  }, false);
}

async function restart({ scene, shell }: Deployed): Promise<void> {
  const before = (await controllerPods(scene)).map(({ metadata }) => metadata.name);
  await whileWritten(scene, "restarted", async () => {
    await shell.run(`kubectl -n dr-syncer-system rollout restart deployment/dr-syncer
      kubectl -n dr-syncer-system rollout status deployment/dr-syncer --timeout=90s`);
    await leadingPod(scene, (name) => !before.includes(name));
  });
  await untilTwoReplicas(scene);
}

async function permissions({ scene }: Deployed): Promise<void> {
  for (const { metadata } of await controllerPods(scene)) {
    const { stdout } = await scene.source.kubectl(["-n", CONTROL, "logs", metadata.name]);
    assert.match(stdout, /"leader is /);
    assert.deepEqual(stdout.split("\n").filter((line) => /forbidden|NotCapable|not allowed/i.test(line)), []);
  }
}

async function agent({ scene: { dr } }: Deployed): Promise<void> {
  const container = { name: "agent", image: "dr-syncer-agent:0.1.0", args: ["--help"] };
  const spec = { restartPolicy: "Never", containers: [container] };
  const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "agent" }, spec };
  await dr.kubectl(["apply", "-f", "-"], { stdin: JSON.stringify(pod) });
  await dr.kubectl(["wait", "pod/agent", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s"]);
  const { stdout } = await dr.kubectl(["logs", "agent"]);
  assert.match(stdout, /^Moves the data of one volume\.\n\nUsage: agent source/);
}

async function uninstall({ scene, shell }: Deployed): Promise<void> {
  const { source } = scene;
  const path = `/api/v1/namespaces/${NAMESPACE}/configmaps/settings`;
  await using calls = new SteadyCalls(source, (round) => {
    return [{ what: "a write", method: "PATCH", path, body: { data: { last: String(round) } }, status: 200 }];
  });
  await shell.run(await blockOf("docs/guide/install.md", "kubectl delete -k deploy"));
  const kinds = [
    ...["namespaces", "customresourcedefinitions", "clusterroles", "clusterrolebindings"],
    ...["validatingadmissionpolicies", "validatingadmissionpolicybindings", "validatingwebhookconfigurations"],
  ];
  await waitFor("nothing of ours", async () => {
    const { stdout } = await source.kubectl(["get", kinds.join(), "-o", "name"]);
    return !stdout.includes("dr-syncer");
  }, { deadlineMs: DEADLINE_MS });
  await calls.stop();
  assert.deepEqual(calls.problems, []);
  assert.equal(
    (await scene.get(scene.dr, "deployment", "web", NAMESPACE)).spec.replicas,
    0,
    "the standby is still there",
  );
}

/** Folders, mounts and numbers; crash_nodes_test.ts looks closer, at clusters that were killed. */
async function nothingLeft(directories: readonly string[]): Promise<void> {
  const mounts = await Deno.readTextFile("/proc/self/mountinfo");
  const taken = await Array.fromAsync(Deno.readDir("/run/dr-syncer-rig"), ({ name }) => name).catch(() => []);
  const owners = await Promise.all(taken.map((name) => Deno.readLink(`/run/dr-syncer-rig/${name}`).catch(() => "")));
  for (const directory of directories) {
    assert.ok(!mounts.includes(directory) && !owners.includes(directory), directory);
    await assert.rejects(Deno.stat(directory), Deno.errors.NotFound);
  }
}
