import assert from "node:assert/strict";
import type { KubeObject } from "../../kube/types.ts";
import { type ClaimFacts, type ClaimPlan, inTheWay, planClaims } from "./claim_plan.ts";
import { type PodFacts, podFacts } from "./pod_facts.ts";

const ID = "0123456789ab";

function claim(spec: Record<string, unknown> = {}, rest: { labels?: Record<string, string>; phase?: string } = {}) {
  const metadata = { name: "data", namespace: "app", uid: "uid-1", ...(rest.labels ? { labels: rest.labels } : {}) };
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata,
    spec: { accessModes: ["ReadWriteOnce"], ...spec },
    status: { phase: rest.phase ?? "Bound" },
  } satisfies KubeObject;
}

const ours = { labels: { "dr-syncer.io/managed-by": ID } };

function pod(name: string, fields: Partial<PodFacts> = {}): PodFacts {
  return {
    name,
    uid: name,
    isOurs: false,
    isOver: false,
    isReady: true,
    claims: ["data"],
    tolerations: [],
    ...fields,
  };
}

function facts(fields: Partial<ClaimFacts> = {}): ClaimFacts {
  return { source: [claim()], target: [claim({}, ours)], sourcePods: [], targetPods: [], replicationId: ID, ...fields };
}

/** What a plan comes to, in a word or two. */
function told(plan: ClaimPlan | undefined): string {
  if (plan === undefined) return "no matter of ours";
  return plan.kind === "copy" ? `copy ${plan.placement.node ?? "anywhere"}` : `${plan.phase} ${plan.reason}`;
}

const toleration = { key: "dedicated", operator: "Exists" };

const rows: readonly (readonly [string, Partial<ClaimFacts>, string])[] = [
  ["nobody uses it", {}, "copy anywhere"],
  ["a Pod uses it", { sourcePods: [pod("web", { node: "a" })] }, "copy a"],
  ["the Pod that uses it is over", { sourcePods: [pod("job", { node: "a", isOver: true })] }, "copy anywhere"],
  ["only an agent uses it", { sourcePods: [pod("agent", { node: "a", isOurs: true })] }, "copy anywhere"],
  ["another claim is used", { sourcePods: [pod("web", { node: "a", claims: ["other"] })] }, "copy anywhere"],
  ["a Pod waits for a node", { sourcePods: [pod("web")] }, "copy anywhere"],
  ["it is not bound", { source: [claim({}, { phase: "Pending" })] }, "Pending NotBound"],
  ["it is a block volume", { source: [claim({ volumeMode: "Block" })] }, "Unsupported BlockVolume"],
  ["its copy is a block volume", { target: [claim({ volumeMode: "Block" }, ours)] }, "Unsupported BlockVolume"],
  ["it has no copy", { target: [] }, "no matter of ours"],
  ["the claim in DR is somebody else's", { target: [claim()] }, "no matter of ours"],
  [
    "the claim in DR is another Replication's",
    { target: [claim({}, { labels: { "dr-syncer.io/managed-by": "ba9876543210" } })] },
    "no matter of ours",
  ],
  ["it is ignored", { source: [claim({}, { labels: { "dr-syncer.io/ignore": "true" } })] }, "no matter of ours"],
  ["a Pod in DR uses the copy", { targetPods: [pod("debug")] }, "Pending TargetInUse"],
  ["a Pod in DR is over", { targetPods: [pod("debug", { isOver: true })] }, "copy anywhere"],
  ["our agent in DR has it", { targetPods: [pod("agent", { isOurs: true })] }, "copy anywhere"],
  [
    "one Pod alone may use it, and does",
    { source: [claim({ accessModes: ["ReadWriteOncePod"] })], sourcePods: [pod("web", { node: "a" })] },
    "Pending ExclusiveClaim",
  ],
  [
    "one Pod alone may use it, and none does",
    { source: [claim({ accessModes: ["ReadWriteOncePod"] })] },
    "copy anywhere",
  ],
];

for (const [name, fields, expected] of rows) {
  Deno.test(`what is done about a claim when ${name}: ${expected}`, () => {
    assert.equal(told(planClaims(facts(fields))[0]), expected);
  });
}

Deno.test("the agent tolerates what the Pod that uses the volume tolerates", () => {
  const [plan] = planClaims(facts({ sourcePods: [pod("web", { node: "a", tolerations: [toleration] })] }));
  assert.deepEqual(plan?.kind === "copy" && plan.placement, { node: "a", tolerations: [toleration] });
});

const ways: readonly (readonly [string, string[], readonly PodFacts[], boolean])[] = [
  ["the Pod is on the agent's node", ["ReadWriteOnce"], [pod("web", { node: "a" })], false],
  ["the Pod is on another node", ["ReadWriteOnce"], [pod("web", { node: "b" })], true],
  ["the Pod waits for a node", ["ReadWriteOnce"], [pod("web")], true],
  ["no Pod is there any more", ["ReadWriteOnce"], [], false],
  ["the volume can be on several nodes", ["ReadWriteMany"], [pod("web", { node: "b" })], false],
  ["one Pod alone may have it", ["ReadWriteOncePod"], [pod("web", { node: "a" })], true],
];

for (const [name, modes, pods, expected] of ways) {
  Deno.test(`an agent ${expected ? "leaves" : "stays"} when ${name}`, () => {
    assert.equal(inTheWay("data", modes, "a", pods) !== undefined, expected);
  });
}

Deno.test("what a Pod mounts is read from claims and from ephemeral volumes, and who it is from its label", () => {
  const facts = podFacts({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", uid: "u", labels: { "dr-syncer.io/component": "agent" } },
    spec: {
      nodeName: "a",
      volumes: [
        { name: "data", persistentVolumeClaim: { claimName: "data" } },
        { name: "scratch", ephemeral: { volumeClaimTemplate: {} } },
        { name: "tmp", emptyDir: {} },
      ],
    },
    status: {
      phase: "Pending",
      containerStatuses: [{ state: { waiting: { reason: "ErrImagePull", message: "no such image" } } }],
    },
  });
  assert.deepEqual(facts.claims, ["data", "web-scratch"]);
  assert.equal(facts.isOurs, true);
  assert.equal(facts.isReady, false);
  assert.equal(facts.trouble, "ErrImagePull: no such image");
});
