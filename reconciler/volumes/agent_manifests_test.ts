import assert from "node:assert/strict";
import type { KubeObject } from "../../kube/types.ts";
import { objectAt, objectsAt } from "../desired/json.ts";
import { agentPod, agentSecret, type AgentSpec, sourcePolicy, sourceService, targetPolicy } from "./agent_manifests.ts";
import { type AgentEnd, agentName } from "./agent_names.ts";

const id = { replicationId: "0123456789ab", claim: "data", passId: "1" };

function spec(end: AgentEnd, fields: Partial<AgentSpec> = {}): AgentSpec {
  return {
    id,
    end,
    name: `dr-syncer-agent-${end}-x`,
    namespace: "app",
    image: { name: "dr-syncer-agent:0.1.0", pullPolicy: "IfNotPresent" },
    placement: { tolerations: [] },
    ...fields,
  };
}

const container = (pod: KubeObject) => objectsAt(pod, "spec", "containers")[0];

Deno.test("names differ by Replication, claim, pass and end, and are names", async () => {
  const ids = [id, { ...id, replicationId: "x" }, { ...id, claim: "other" }, { ...id, passId: "2" }];
  const names = await Promise.all(ids.flatMap((one) => [agentName(one, "source"), agentName(one, "target")]));
  assert.equal(new Set(names).size, names.length);
  for (const name of names) assert.match(name, /^dr-syncer-agent-(source|target)-[0-9a-f]{12}$/);
});

const privileges: readonly (readonly [AgentEnd, string[]])[] = [
  ["source", ["DAC_OVERRIDE", "SETGID", "SETUID", "SYS_CHROOT"]],
  ["target", ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID"]],
];

for (const [end, add] of privileges) {
  Deno.test(`a ${end} agent has the least privileges with which it works, and no identity`, () => {
    const pod = agentPod(spec(end));
    assert.deepEqual(container(pod)?.securityContext, {
      runAsUser: 0,
      runAsGroup: 0,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"], add },
    });
    const { automountServiceAccountToken, enableServiceLinks, priorityClassName, securityContext } = pod.spec as Record<
      string,
      unknown
    >;
    assert.deepEqual({ automountServiceAccountToken, enableServiceLinks, priorityClassName, securityContext }, {
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      priorityClassName: "dr-syncer-agent",
      securityContext: { seccompProfile: { type: "RuntimeDefault" } },
    });
  });
}

Deno.test("a source agent mounts the volume read-only, a target agent does not", () => {
  const mount = (end: AgentEnd) =>
    objectsAt(container(agentPod(spec(end))), "volumeMounts").find(({ name }) => name === "data");
  assert.equal(mount("source")?.readOnly, true);
  assert.equal(mount("target")?.readOnly, undefined);
});

Deno.test("the scheduler is asked for the node of the volume, and passed over never", () => {
  const pod = agentPod(spec("source", { placement: { node: "a", tolerations: [{ operator: "Exists" }] } }));
  assert.equal(objectAt(pod, "spec")?.nodeName, undefined);
  assert.deepEqual(objectAt(pod, "spec", "affinity", "nodeAffinity"), {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: ["a"] }] }],
    },
  });
  assert.deepEqual(objectAt(pod, "spec")?.tolerations, [{ operator: "Exists" }]);
  assert.equal(objectAt(agentPod(spec("source")), "spec")?.affinity, undefined);
});

Deno.test("everything of an agent is marked as ours, so that no mirror takes it along", () => {
  const objects = [
    agentPod(spec("source")),
    agentSecret(spec("source"), { "host-key": "k" }),
    sourceService(spec("source")),
    sourcePolicy(spec("source")),
    targetPolicy(spec("target"), []),
  ];
  for (const { kind, metadata } of objects) {
    assert.equal(metadata.labels?.["dr-syncer.io/component"], "agent", kind);
    assert.equal(metadata.labels?.["dr-syncer.io/agent-of"], id.replicationId, kind);
    assert.equal(metadata.labels?.["dr-syncer.io/agent"], metadata.name, kind);
  }
});

Deno.test("a source agent is spoken to at one port, a target agent speaks to the addresses of its source only", () => {
  const source = sourcePolicy(spec("source")).spec;
  assert.deepEqual(source, {
    podSelector: { matchLabels: { "dr-syncer.io/agent": "dr-syncer-agent-source-x" } },
    policyTypes: ["Ingress", "Egress"],
    ingress: [{ ports: [{ protocol: "TCP", port: 2222 }] }],
    egress: [],
  });
  // What comes through a tunnel comes from the Pod itself.
  assert.deepEqual(objectsAt(sourcePolicy(spec("source"), false), "spec", "ingress"), []);
  const target = targetPolicy(spec("target"), [{ host: "10.0.0.1", port: 31000 }, { host: "fd00::1", port: 2222 }]);
  const { ingress, egress, policyTypes } = target.spec as Record<string, unknown>;
  assert.deepEqual({ ingress, policyTypes }, { ingress: [], policyTypes: ["Ingress", "Egress"] });
  assert.deepEqual(egress, [
    { to: [{ ipBlock: { cidr: "10.0.0.1/32" } }], ports: [{ protocol: "TCP", port: 31000 }] },
    { to: [{ ipBlock: { cidr: "fd00::1/128" } }], ports: [{ protocol: "TCP", port: 2222 }] },
  ]);
});

Deno.test("keys travel as files of a Secret that nobody changes", () => {
  const secret = agentSecret(spec("target"), { "client-key": "ä\n" });
  assert.deepEqual(secret.data, { "client-key": "w6QK" });
  assert.equal(secret.immutable, true);
});
