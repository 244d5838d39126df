import assert from "node:assert/strict";
import { isFreedByCopy } from "./creation.ts";

const DEPLOYMENTS = { group: "apps", resource: "deployments" };
const SERVICES = { group: "", resource: "services" };

function said(requested: string, used: string, limited: string): string {
  return `deployments.apps "web" is forbidden: exceeded quota: q, requested: ${requested}, used: ${used}, limited: ${limited}`;
}

/** [what a quota says, kind, whether the end of the former copy makes the room] */
const CASES: readonly (readonly [string, string, { group: string; resource: string }, boolean])[] = [
  [
    "a full one",
    said("count/deployments.apps=1", "count/deployments.apps=5", "count/deployments.apps=5"),
    DEPLOYMENTS,
    true,
  ],
  [
    "an over-full one",
    said("count/deployments.apps=1", "count/deployments.apps=6", "count/deployments.apps=5"),
    DEPLOYMENTS,
    false,
  ],
  ["a full one by the older name", said("services=1", "services=2", "services=2"), SERVICES, true],
  [
    "one of something else",
    said("services.nodeports=1", "services.nodeports=2", "services.nodeports=2"),
    SERVICES,
    false,
  ],
  [
    "one of something else, too",
    said("services=1,services.nodeports=1", "services=2,services.nodeports=2", "services=2,services.nodeports=2"),
    SERVICES,
    false,
  ],
  [
    "one whose usage is not known",
    "status unknown for quota: q, resources: count/deployments.apps",
    DEPLOYMENTS,
    false,
  ],
];

for (const [what, message, type, expected] of CASES) {
  Deno.test(`a quota that stands in the way of a copy made anew: ${what}`, () => {
    assert.equal(isFreedByCopy(message, type), expected);
  });
}
