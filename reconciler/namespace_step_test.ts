import assert from "node:assert/strict";
import type { KubeObject } from "../kube/types.ts";
import { leftKeys, namespaceStep } from "./namespace_step.ts";
import { wantedNamespace } from "./source_namespace.ts";

const IDENTITY = {
  replicationId: "0123456789ab",
  sourceClusterId: "source",
  destinationClusterId: "dr",
  sourceNamespace: "shop",
  destinationNamespace: "shop-dr",
};
const ABORT = { conflictPolicy: "Abort", driftPolicy: "Correct" } as const;

function namespace(labels: Record<string, string>, more: Partial<KubeObject["metadata"]> = {}): KubeObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop", uid: "1", labels, ...more } };
}

const wanted = (labels: Record<string, string>) => wantedNamespace(namespace(labels), IDENTITY);

/** Labels and policies, and what is done. */
Deno.test("what is done with the DR Namespace", () => {
  const live = wanted({ team: "a" });
  const step = (object: KubeObject, want = live, options: Parameters<typeof namespaceStep>[3] = ABORT) => {
    const answer = namespaceStep(object, want, IDENTITY, options);
    return answer.type === "Write" ? answer.operation : answer.type === "Leave" ? answer.reason : answer.type;
  };
  const edited = { ...live, metadata: { ...live.metadata, labels: { ...live.metadata.labels, team: "b" } } };
  const adopt = { ...ABORT, conflictPolicy: "Adopt" } as const;
  const others = namespace({ "dr-syncer.io/managed-by": "ffffffffffff" });
  const component = namespace({ "dr-syncer.io/component": "x" });
  const going = { ...edited, metadata: { ...edited.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } };
  const cases: [string, string, string][] = [
    ["as it should be", step(live), "Nothing"],
    ["the source has changed", step(live, wanted({ team: "b" })), "update"],
    ["the source has changed, edits stay", step(live, wanted({}), { ...ABORT, driftPolicy: "Report" }), "update"],
    ["edited", step(edited), "update"],
    ["edited, edits stay", step(edited, live, { ...ABORT, driftPolicy: "Report" }), "Drifted"],
    ["it goes", step(going), "Nothing"],
    ["was there, equal", step(namespace({ team: "a", more: "x" })), "Nothing"],
    ["was there, different", step(namespace({})), "NamespaceNotOurs"],
    ["was there, may be adopted", step(namespace({}), live, adopt), "adopt"],
    ["another Replication's", step(others, live, adopt), "NamespaceNotOurs"],
    ["part of dr-syncer", step(component, live, adopt), "NamespaceNotOurs"],
  ];
  assert.deepEqual(cases.map(([name, is]) => [name, is]), cases.map(([name, , should]) => [name, should]));
});

Deno.test("what our last apply set and this one does not, and somebody else owns, too, is left", () => {
  const fieldsV1 = {
    "f:metadata": { "f:labels": { ".": {}, "f:gone": {}, "f:team": {} }, "f:annotations": { "f:note": {} } },
  };
  const managedFields = [
    { manager: "dr-syncer", operation: "Apply", fieldsV1 },
    { manager: "kubectl", operation: "Update", fieldsV1: { "f:metadata": { "f:labels": { "f:theirs": {} } } } },
  ];
  const before = namespace({ gone: "x", team: "a", theirs: "x" }, { annotations: { note: "1" }, managedFields });
  const stored = namespace({ gone: "x", team: "a", theirs: "x" }, { annotations: {} });
  assert.deepEqual(leftKeys(before, wanted({ team: "a" }), stored), { labels: ["gone"], annotations: [] });
});
