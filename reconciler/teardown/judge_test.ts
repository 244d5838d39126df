import assert from "node:assert/strict";
import { judgeTeardown, type TeardownFacts } from "./judge.ts";

const ready: TeardownFacts = {
  remoteExists: true,
  identityChanged: false,
  idKnown: true,
  stalledForMs: 0,
  giveUpAfterMs: 600_000,
};

const table: { what: string; facts: Partial<TeardownFacts>; expected: string }[] = [
  { what: "a DR cluster that answers", facts: {}, expected: "Work" },
  { what: "a long time without headway, but no obstacle", facts: { stalledForMs: 700_000 }, expected: "Work" },
  { what: "copies that DR refuses to give up", facts: { failure: "denied" }, expected: "Work" },
  { what: "such copies for too long", facts: { failure: "denied", stalledForMs: 600_000 }, expected: "Leave GaveUp" },
  { what: "a DR cluster that is away", facts: { problem: "away", stalledForMs: 599_000 }, expected: "Wait 1000" },
  {
    what: "a DR cluster that stays away",
    facts: { problem: "away", stalledForMs: 600_000 },
    expected: "Leave GaveUp",
  },
  { what: "no RemoteCluster", facts: { remoteExists: false }, expected: "Leave RemoteClusterMissing" },
  {
    what: "no RemoteCluster, which was away before",
    facts: { remoteExists: false, problem: "away" },
    expected: "Leave RemoteClusterMissing",
  },
  {
    what: "another cluster behind it",
    facts: { identityChanged: true, problem: "another identity" },
    expected: "Leave IdentityChanged",
  },
  { what: "nothing known of what was written", facts: { idKnown: false }, expected: "Leave IdentityUnknown" },
  {
    what: "nothing known of it yet, as DR is away",
    facts: { idKnown: false, problem: "away" },
    expected: "Wait 600000",
  },
  { what: "somebody who has the same copies", facts: { heir: "x/app" }, expected: "Leave TakenOver" },
];

for (const { what, facts, expected } of table) {
  Deno.test(`a deletion with ${what}: ${expected}`, () => {
    const step = judgeTeardown({ ...ready, ...facts });
    const detail = step.type === "Leave" ? step.reason : step.type === "Wait" ? step.forMs : undefined;
    assert.equal([step.type, detail].filter((part) => part !== undefined).join(" "), expected);
  });
}
