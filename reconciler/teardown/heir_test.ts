import assert from "node:assert/strict";
import type { Replication } from "../../crds/types.ts";
import type { World } from "../../crds/validate.ts";
import { heirOf } from "./heir.ts";

function replication(name: string, created: string, source: string, deletionTimestamp?: string): Replication {
  const spec = { destinationCluster: "dr", sourceNamespace: source, destinationNamespace: "target" };
  const metadata = { name, namespace: "control", creationTimestamp: created, resourceVersion: "1", deletionTimestamp };
  return { apiVersion: "dr-syncer.io/v1alpha1", kind: "Replication", metadata, spec } as unknown as Replication;
}

const [OLD, YOUNG] = ["2026-01-01T00:00:00Z", "2026-02-02T00:00:00Z"];

const table: { what: string; mine: Replication; other: Replication; heir?: string }[] = [
  {
    what: "an older one that holds the target",
    mine: replication("a", YOUNG, "shop"),
    other: replication("b", OLD, "else"),
    heir: "control/b",
  },
  {
    what: "a younger one of the same source",
    mine: replication("a", OLD, "shop"),
    other: replication("b", YOUNG, "shop"),
    heir: "control/b",
  },
  {
    what: "a younger one of another source, which waits for us to go",
    mine: replication("a", OLD, "shop"),
    other: replication("b", YOUNG, "else"),
  },
  {
    what: "one that is being deleted, too",
    mine: replication("a", YOUNG, "shop"),
    other: replication("b", OLD, "shop", YOUNG),
  },
];

for (const { what, mine, other, heir } of table) {
  Deno.test(`heir to the copies of a deleted Replication: ${what}: ${heir ?? "none"}`, () => {
    const world: World = {
      controlNamespace: "control",
      tenantMode: false,
      remoteClusters: new Map(),
      replications: [mine, other],
      now: new Date(0),
    };
    assert.equal(heirOf(mine, world), heir);
  });
}
