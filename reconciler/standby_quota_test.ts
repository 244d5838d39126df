import assert from "node:assert/strict";
import type { KubeObject } from "../kube/types.ts";
import type { Pods } from "./desired/pods.ts";
import { judgeQuota, podsWanted, type StandbyQuota, wantedQuota } from "./standby_quota.ts";

function live(pods: Pods, change: (quota: KubeObject) => void = () => {}): KubeObject {
  const quota = structuredClone(wantedQuota("shop", pods));
  quota.status = { hard: structuredClone((quota.spec as { hard: object }).hard), used: {} };
  change(quota);
  return quota;
}

function pick(quota: StandbyQuota): unknown {
  return quota.type === "Ours" ? [quota.pods, quota.inForce] : quota.type;
}

const cases: [string, KubeObject | undefined, unknown][] = [
  ["there is none", undefined, "Absent"],
  ["it is as we made it", live(0), [0, true]],
  ["overrides allow some", live(12), [12, true]],
  ["it limits nothing", live("any"), ["any", true]],
  ["no controller has seen it", live(0, (quota) => delete quota.status), [0, false]],
  ["a controller has not seen the change yet", live(3, (quota) => quota.status = { hard: { pods: "0" } }), [3, false]],
  ["it has not our label", live(0, ({ metadata }) => metadata.labels = { app: "shop" }), "Foreign"],
  [
    "it is another part of ours",
    live(0, ({ metadata }) => metadata.labels = { "dr-syncer.io/component": "fence" }),
    "Foreign",
  ],
  ["its scope was taken off", live(0, ({ spec }) => delete (spec as Record<string, unknown>).scopeSelector), [
    undefined,
    true,
  ]],
  [
    "its limit was written in another way",
    live(0, ({ spec }) => Object.assign(spec as object, { hard: { pods: "1k" } })),
    [
      undefined,
      false,
    ],
  ],
];

for (const [what, quota, expected] of cases) {
  Deno.test(`the quota of a standby when ${what}`, () => assert.deepEqual(pick(judgeQuota(quota)), expected));
}

Deno.test("the quota is raised at once, and lowered only when every copy is known", () => {
  const table: [Pods | undefined, Pods, boolean, Pods][] = [
    [undefined, 0, false, 0],
    [undefined, 2, false, 2],
    [0, 2, false, 2],
    [2, 0, false, 2],
    [2, 0, true, 0],
    [2, "any", false, "any"],
    ["any", 0, false, "any"],
    ["any", 0, true, 0],
  ];
  for (const [now, allowed, known, wanted] of table) assert.equal(podsWanted(now, allowed, known), wanted);
});
