import assert from "node:assert/strict";
import { matchesLabels, selectorProblems } from "./label_selector.ts";
import type { LabelSelector } from "./types.ts";

const LABELS = { app: "web", tier: "", "example.com/team": "shop" };

/** [selector, whether it takes LABELS] */
const MATCHES: readonly [LabelSelector, boolean][] = [
  [{}, true],
  [{ matchLabels: { app: "web", "example.com/team": "shop" } }, true],
  [{ matchLabels: { app: "web", stage: "live" } }, false],
  [{ matchLabels: { app: "we" } }, false],
  [{ matchLabels: { tier: "" } }, true],
  [{ matchLabels: { stage: "" } }, false],
  [{ matchExpressions: [{ key: "app", operator: "In", values: ["api", "web"] }] }, true],
  [{ matchExpressions: [{ key: "stage", operator: "In", values: ["live"] }] }, false],
  [{ matchExpressions: [{ key: "app", operator: "NotIn", values: ["web"] }] }, false],
  [{ matchExpressions: [{ key: "stage", operator: "NotIn", values: ["live"] }] }, true],
  [{ matchExpressions: [{ key: "tier", operator: "Exists" }] }, true],
  [{ matchExpressions: [{ key: "tier", operator: "DoesNotExist" }] }, false],
  [{ matchExpressions: [{ key: "toString", operator: "Exists" }] }, false],
  [{ matchLabels: { app: "web" }, matchExpressions: [{ key: "stage", operator: "Exists" }] }, false],
];

Deno.test("a selector takes labels as the API server's would", () => {
  for (const [selector, expected] of MATCHES) {
    assert.equal(matchesLabels(selector, LABELS), expected, JSON.stringify(selector));
  }
  assert.equal(matchesLabels({ matchExpressions: [{ key: "app", operator: "DoesNotExist" }] }), true);
});

/** [selector, fields that are wrong] */
const PROBLEMS: readonly [LabelSelector, string[]][] = [
  [{ matchLabels: { app: "web", "example.com/team": "", a: "b".repeat(63) } }, []],
  [{ matchExpressions: [{ key: "app", operator: "In", values: ["a"] }, { key: "x", operator: "Exists" }] }, []],
  [{ matchLabels: { "": "web" } }, ["matchLabels"]],
  [{ matchLabels: { "-app": "web" } }, ["matchLabels"]],
  [{ matchLabels: { "Example/app": "web" } }, ["matchLabels"]],
  [{ matchLabels: { "a/b/c": "web" } }, ["matchLabels"]],
  [{ matchLabels: { ["a".repeat(64)]: "web" } }, ["matchLabels"]],
  [{ matchLabels: { app: "no spaces" } }, ["matchLabels.app"]],
  [{ matchLabels: { app: "a".repeat(64) } }, ["matchLabels.app"]],
  [{ matchExpressions: [{ key: "app", operator: "In" }] }, ["matchExpressions[0].values"]],
  [{ matchExpressions: [{ key: "app", operator: "NotIn", values: [] }] }, ["matchExpressions[0].values"]],
  [{ matchExpressions: [{ key: "app", operator: "Exists", values: ["a"] }] }, ["matchExpressions[0].values"]],
  [{ matchExpressions: [{ key: "a b", operator: "Exists" }] }, ["matchExpressions[0].key"]],
  [{ matchExpressions: [{ key: "app", operator: "In", values: ["ok", "-"] }] }, ["matchExpressions[0].values[1]"]],
];

Deno.test("a selector that no API server would take is told by field", () => {
  for (const [selector, fields] of PROBLEMS) {
    const problems = selectorProblems("spec", selector);
    assert.deepEqual(problems.map(({ field }) => field), fields.map((field) => `spec.${field}`));
    for (const { remedy } of problems) assert.ok(remedy);
  }
  assert.deepEqual(selectorProblems("spec", undefined), []);
});
