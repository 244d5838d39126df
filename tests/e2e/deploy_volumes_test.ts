import assert from "node:assert/strict";
import type { KubeObject } from "../../kube/types.ts";
import {
  agentPod,
  agentSecret,
  type AgentSpec,
  sourcePolicy,
  sourceService,
  targetPolicy,
} from "../../reconciler/volumes/agent_manifests.ts";
import type { AgentEnd } from "../../reconciler/volumes/agent_names.ts";
import { ATTACH_COMMAND } from "../../reconciler/volumes/agent_stream.ts";
import { type Cluster, startCluster } from "../rig/cluster.ts";
import { installDr, installSource } from "../rig/install.ts";
import { waitFor } from "../wait.ts";
import { findAllowed, userOf } from "./access.ts";
import { CONTROLLER_MAY, CONTROLLER_MAY_NOT } from "./deploy_access.ts";
import type { Printed } from "./scene.ts";

const VOLUMES_MAY = ["create pods shop", "delete pods shop", "create secrets shop", "create pods/portforward shop"];

function spec(end: AgentEnd, namespace = "shop"): AgentSpec {
  return {
    id: { replicationId: "0123456789ab", claim: "data", passId: "1" },
    end,
    name: `dr-syncer-agent-${end}-0123456789ab`,
    namespace,
    image: { name: "dr-syncer-agent:0.1.0", pullPolicy: "IfNotPresent" },
    placement: { node: "a", tolerations: [{ key: "a", operator: "Exists" }] },
  };
}

/** What the API server says to a write as an account; empty when it would be carried out. */
async function refusal(cluster: Cluster, account: string, object: KubeObject, verb = "create"): Promise<string> {
  const options = { allowFailure: true, stdin: JSON.stringify(object) };
  const args = [verb, "-f", "-", "--dry-run=server", "--as", userOf(account)];
  const { code, stderr } = await cluster.kubectl(args, options);
  return code === 0 ? "" : stderr;
}

/** A Pod like `pod`, changed. */
function changed(pod: KubeObject, change: (draft: Printed) => void): KubeObject {
  const draft = structuredClone(pod);
  change(draft);
  return draft;
}

/** What agents are has to pass this profile; what they are not is refused whether it does or not. */
async function underBaseline(cluster: Cluster, check: () => Promise<void>): Promise<void> {
  const label = ["label", "namespace", "shop"];
  await cluster.kubectl([...label, "pod-security.kubernetes.io/enforce=baseline"]);
  await check();
  await cluster.kubectl([...label, "pod-security.kubernetes.io/enforce-"]);
}

async function startWithNamespace(name: string): Promise<Cluster> {
  const cluster = await startCluster({ name });
  await cluster.kubectl(["create", "namespace", "shop"]);
  for (const namespace of ["shop", "kube-system"]) {
    await cluster.kubectl(["create", "serviceaccount", "default", "-n", namespace]);
  }
  return cluster;
}

Deno.test("what `deploy/overlays/volumes` adds is source agents, and nothing else", async (t) => {
  await using source = await startWithNamespace("source");
  await installSource(source, "overlays/volumes");
  await source.kubectl(["create", "serviceaccount", "default", "-n", "dr-syncer-system"]);
  const attempt = (object: KubeObject, verb?: string) => refusal(source, "dr-syncer", object, verb);
  const pod = agentPod(spec("source"));
  const foreign = changed(sourcePolicy(spec("source")), (draft) => draft.metadata.labels = {});
  await waitFor("the policy", async () => /nothing here but its source agents/.test(await attempt(foreign)), {
    deadlineMs: 20_000,
  });

  await t.step("permissions", async () => {
    const may = [...CONTROLLER_MAY, ...VOLUMES_MAY];
    const mayNot = CONTROLLER_MAY_NOT.filter((question) => !may.includes(question));
    // What RBAC grants too much, the policy denies: see below.
    const tooMuch = ["delete secrets:dr-kubeconfig dr-syncer-system", "create pods dr-syncer-system"];
    assert.deepEqual(await findAllowed(source, "dr-syncer", [...may, ...mayNot]), [...may, ...tooMuch]);
  });

  await t.step("an agent's objects are made and deleted", () =>
    underBaseline(source, async () => {
      const objects = [
        pod,
        agentSecret(spec("source"), { "host-key": "k" }),
        sourceService(spec("source")),
        sourcePolicy(spec("source")),
      ];
      for (const object of objects) {
        assert.equal(await attempt(object), "", object.kind);
        await source.kubectl(["create", "-f", "-"], { stdin: JSON.stringify(object) });
        assert.equal(await attempt(object, "delete"), "", object.kind);
      }
    }));

  const deviations: [string, (draft: Printed) => void][] = [
    ["another name", (draft) => draft.metadata.name = "web"],
    ["no mark", (draft) => delete draft.metadata.labels["dr-syncer.io/component"]],
    ["a token", (draft) => draft.spec.automountServiceAccountToken = true],
    ["the node's network", (draft) => draft.spec.hostNetwork = true],
    ["a path of the node", (draft) => draft.spec.volumes[0] = { name: "data", hostPath: { path: "/" } }],
    ["another Secret", (draft) => draft.spec.volumes[1].secret.secretName = "theirs"],
    ["a further volume", (draft) => draft.spec.volumes.push({ name: "more", configMap: { name: "theirs" } })],
    ["a volume that it may write", (draft) => delete draft.spec.containers[0].volumeMounts[0].readOnly],
    ["a capability more", (draft) => draft.spec.containers[0].securityContext.capabilities.add.push("SYS_ADMIN")],
    ["all privileges", (draft) => draft.spec.containers[0].securityContext.privileged = true],
    ["another program", (draft) => draft.spec.containers[0].command = ["sh"]],
    ["a Secret as environment", (draft) => draft.spec.containers[0].envFrom = [{ secretRef: { name: "theirs" } }]],
    ["a second container", (draft) => draft.spec.containers.push({ ...draft.spec.containers[0], name: "b" })],
    ["workloads' priority", (draft) => delete draft.spec.priorityClassName],
  ];
  for (const [name, change] of deviations) {
    await t.step(`a Pod is refused with ${name}`, async () => {
      assert.match(await attempt(changed(pod, change)), /dr-syncer (runs|makes)|Invalid|invalid/);
    });
  }

  await t.step("the tunnel reaches sshd of source agents, no other port and no other Pod", async () => {
    const { name } = pod.metadata;
    const refused = (path: string) => connectRefusal(source, "dr-syncer", path);
    assert.doesNotMatch(await refused(`shop/pods/${name}/portforward?ports=2222`), /never connects/);
    const others = [
      `shop/pods/${name}/portforward?ports=2223`,
      `shop/pods/${name}/portforward?ports=2222&ports=80`,
      `shop/pods/${name}/portforward`,
      "shop/pods/web/portforward?ports=2222",
      `kube-system/pods/${name}/portforward?ports=2222`,
      `dr-syncer-system/pods/${name}/portforward?ports=2222`,
      `shop/pods/${name}/exec?command=sh&stdout=true`,
      `shop/pods/${name}:2222/proxy/`,
    ];
    for (const path of others) assert.match(await refused(path), /never connects/, path);
  });

  await t.step("nothing of anybody else's is made or deleted, nor in system namespaces", async () => {
    for (const namespace of ["kube-system", "dr-syncer-system"]) {
      const refused = await attempt(agentPod(spec("source", namespace)));
      assert.match(refused, /nothing in system namespaces|violates PodSecurity/, namespace);
      const secret = { ...agentSecret(spec("source", namespace), {}), metadata: { name: "theirs", namespace } };
      await source.kubectl(["create", "-f", "-"], { stdin: JSON.stringify(secret) });
      assert.match(await attempt(secret, "delete"), /nothing in system namespaces/, namespace);
    }
    const service = changed(sourceService(spec("source")), (draft) => draft.spec.selector = { app: "web" });
    assert.match(await attempt({ ...service, metadata: { ...service.metadata } }), /ports to its source agents only/);
    for (const object of [agentSecret(spec("source"), {}), sourceService(spec("source"))]) {
      const theirs = changed(object, (draft) => {
        draft.metadata = { name: "theirs", namespace: "shop" };
        delete draft.immutable;
      });
      assert.match(await attempt(theirs), /nothing here but its source agents/);
      await source.kubectl(["create", "-f", "-"], { stdin: JSON.stringify(theirs) });
      assert.match(await attempt(theirs, "delete"), /nothing here but its source agents/);
    }
  });
});

/** What the API server says to a connection to a Pod as an account: an upgrade is wanted once it is allowed. */
async function connectRefusal(cluster: Cluster, account: string, path: string): Promise<string> {
  const args = ["get", "--raw", `/api/v1/namespaces/${path}`, "--as", userOf(account)];
  const { code, stderr } = await cluster.kubectl(args, { allowFailure: true });
  assert.notEqual(code, 0, path);
  return stderr;
}

/** What the API server says to an exec as the DR credential: an upgrade is wanted once it is allowed. */
async function execRefusal(dr: Cluster, pod: string, command: readonly string[]): Promise<string> {
  const query = command.map((word) => `command=${encodeURIComponent(word)}`).join("&");
  return await connectRefusal(dr, "dr-syncer-dr", `shop/pods/${pod}/exec?container=agent&stdout=true&${query}`);
}

Deno.test("a DR cluster lets agents be made, and their one program be run, and nothing else", async (t) => {
  await using dr = await startWithNamespace("dr");
  await installDr(dr);
  const attempt = (object: KubeObject, verb?: string) => refusal(dr, "dr-syncer-dr", object, verb);
  const pod = agentPod(spec("target"));
  const web = changed(pod, (draft) => draft.metadata.name = "web");
  await waitFor("the policy", async () => /no Pods but its agents/.test(await attempt(web)), { deadlineMs: 20_000 });

  await t.step("agents come and go", () =>
    underBaseline(dr, async () => {
      for (const object of [pod, agentSecret(spec("target"), {}), targetPolicy(spec("target"), [])]) {
        assert.equal(await attempt(object), "", object.kind);
        await dr.kubectl(["create", "-f", "-"], { stdin: JSON.stringify(object) });
        assert.equal(await attempt(object, "delete"), "", object.kind);
      }
    }));

  await t.step("no other Pod is made, changed or deleted", async () => {
    const unmarked = changed(pod, (draft) => draft.metadata.labels = {});
    assert.match(await attempt(unmarked), /no Pods but its agents/);
    await dr.kubectl(["create", "-f", "-"], { stdin: JSON.stringify(web) });
    assert.match(await attempt(web, "delete"), /no Pods but its agents/);
    const label = ["label", "pod", pod.metadata.name, "-n", "shop", "a=b", "--as", userOf("dr-syncer-dr")];
    assert.match((await dr.kubectl(label, { allowFailure: true })).stderr, /no Pods but its agents/);
  });

  await t.step("one program is run in them, nothing in any other Pod", async () => {
    const { name } = pod.metadata;
    assert.doesNotMatch(await execRefusal(dr, name, ATTACH_COMMAND), /dr-syncer-dr-scope/);
    assert.match(await execRefusal(dr, name, ["sh"]), /dr-syncer-dr-scope/);
    assert.match(await execRefusal(dr, name, [...ATTACH_COMMAND, "sh"]), /dr-syncer-dr-scope/);
    assert.match(await execRefusal(dr, "web", ATTACH_COMMAND), /dr-syncer-dr-scope/);
  });
  await t.step("the tunnel meets them at one port, and no other Pod", async () => {
    const { name } = pod.metadata;
    const refused = (path: string) => connectRefusal(dr, "dr-syncer-dr", `shop/pods/${path}`);
    assert.doesNotMatch(await refused(`${name}/portforward?ports=2223`), /dr-syncer-dr-scope/);
    for (const path of [`${name}/portforward?ports=2222`, `${name}/portforward`, "web/portforward?ports=2223"]) {
      assert.match(await refused(path), /dr-syncer-dr-scope/, path);
    }
  });
});
