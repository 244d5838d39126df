import assert from "node:assert/strict";
import { type StandbyFacts, standbyQuiet } from "./standby_quiet.ts";

const QUIET: StandbyFacts = { wanted: true, intruders: [], refused: [], quota: 0, inForce: true };
const OURS = { name: "Deployment web", pods: 2, foreign: false };
const FOREIGN = { name: "Pod debug", pods: 1, foreign: true };
const PROBLEM = { reason: "Forbidden", message: "may not list pods" };

const table: { what: string; facts: Partial<StandbyFacts>; expected: [string, string]; message: RegExp }[] = [
  { what: "nothing runs", facts: {}, expected: ["True", "Quiet"], message: /^nothing of the application runs$/ },
  { what: "an override allows two", facts: { quota: 2 }, expected: ["True", "Quiet"], message: /2 Pods at most/ },
  { what: "an override allows any", facts: { quota: "any" }, expected: ["True", "Quiet"], message: /any number/ },
  {
    what: "a copy has Pods",
    facts: { intruders: [OURS] },
    expected: ["False", "PodsRunning"],
    message: /^Pods run in the standby: of Deployment web \(2\)$/,
  },
  {
    what: "a copy has Pods and wants more",
    facts: { intruders: [OURS], refused: ["Deployment web"] },
    expected: ["False", "PodsRunning"],
    message: /Deployment web \(2\); Deployment web tries to start more/,
  },
  {
    what: "others run there, so no quota is set",
    facts: { intruders: [FOREIGN, OURS], quota: undefined, inForce: false },
    expected: ["False", "ForeignPods"],
    message: /of Pod debug, Deployment web \(2\); no quota is set.*move them/,
  },
  {
    what: "others run in spite of the quota",
    facts: { intruders: [FOREIGN] },
    expected: ["False", "PodsRunning"],
    message: /of Pod debug$/,
  },
  {
    what: "somebody is refused",
    facts: { refused: ["StatefulSet queue of Queue queue"] },
    expected: ["False", "PodsRefused"],
    message: /^StatefulSet queue of Queue queue tries to start Pods/,
  },
  { what: "it cannot be known", facts: { problem: PROBLEM }, expected: ["Unknown", "Forbidden"], message: /may not/ },
  {
    what: "what is known to run counts more than what is not known",
    facts: { problem: PROBLEM, intruders: [OURS] },
    expected: ["False", "PodsRunning"],
    message: /web/,
  },
  {
    what: "no controller in DR has seen the quota",
    facts: { inForce: false },
    expected: ["Unknown", "QuotaNotInForce"],
    message: /does not enforce/,
  },
  {
    what: "the application may run",
    facts: { wanted: false, intruders: [OURS], inForce: false },
    expected: ["Unknown", "NotScaledToZero"],
    message: /scaleToZero is false/,
  },
];

for (const { what, facts, expected, message } of table) {
  Deno.test(`StandbyQuiet when ${what}`, () => {
    const condition = standbyQuiet({ ...QUIET, ...facts });
    assert.deepEqual([condition.status, condition.reason], expected);
    assert.match(condition.message, message);
  });
}

Deno.test("StandbyQuiet names ten culprits and counts the others", () => {
  const refused = Array.from({ length: 12 }, (_, index) => `Deployment web-${index}`);
  assert.match(standbyQuiet({ ...QUIET, refused }).message, /web-9 and 2 more tries/);
});
