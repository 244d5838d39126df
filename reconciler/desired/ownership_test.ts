import assert from "node:assert/strict";
import fc from "fast-check";
import { MANAGED_BY, ORIGIN } from "../../crds/keys.ts";
import { replicationId } from "../../crds/replication_id.ts";
import { desired } from "./desired.ts";
import { formatOrigin, ownedBy, readOrigin } from "./ownership.ts";
import { contextFor } from "./testing.ts";

const ORIGIN_VALUE = { cluster: "c1", namespace: "shop", name: "web", uid: "u1" };
const label = { [MANAGED_BY]: "a1b2c3d4e5f6" };
const origin = (changes: Record<string, unknown> = {}) => ({
  [ORIGIN]: JSON.stringify({ ...ORIGIN_VALUE, ...changes }),
});

/** [what, labels, annotations, verdict] */
const CASES = [
  ["label and origin", label, origin(), "ours"],
  ["an earlier uid of the source", label, origin({ uid: "u0" }), "ours"],
  ["neither", undefined, undefined, "unmanaged"],
  ["the label taken off", { app: "shop" }, origin(), "unmanaged"],
  ["another replication's label", { [MANAGED_BY]: "ffffffffffff" }, origin(), "foreign"],
  ["no origin", label, undefined, "foreign"],
  ["an origin that is no JSON", label, { [ORIGIN]: "{" }, "foreign"],
  ["an origin that is null", label, { [ORIGIN]: "null" }, "foreign"],
  ["an origin without uid", label, origin({ uid: undefined }), "foreign"],
  ["another cluster", label, origin({ cluster: "c2" }), "foreign"],
  ["another namespace", label, origin({ namespace: "shop-prod" }), "foreign"],
  ["another name", label, origin({ name: "web2" }), "foreign"],
] as const;

for (const [what, labels, annotations, verdict] of CASES) {
  Deno.test(`ownership: ${what} is ${verdict}`, () => {
    assert.equal(ownedBy({ name: "web", labels, annotations }, "a1b2c3d4e5f6", "c1", "shop", "web"), verdict);
  });
}

Deno.test("ownership: an origin is read as it was written, always in one order of keys", () => {
  const { uid, name, namespace, cluster } = ORIGIN_VALUE;
  const text = formatOrigin({ uid, name, namespace, cluster });
  assert.equal(text, '{"cluster":"c1","namespace":"shop","name":"web","uid":"u1"}');
  assert.deepEqual(readOrigin({ name: "web", annotations: { [ORIGIN]: text } }), ORIGIN_VALUE);
});

/** Names that begin, end or continue like each other, and may stand in each other's place. */
const name = fc.oneof(
  fc.constantFrom("app", "app-prod", "prod-app", "ap", "app-", "app.prod", "prod"),
  fc.stringMatching(/^[a-z]([a-z-]{0,3}[a-z])?$/),
);
/** As uids do, some have a dash; all four parts may begin or end like their neighbours. */
const cluster = fc.constantFrom("a", "b", "ab", "a-b", "b-a");
const namespace = fc.oneof(name, cluster);
const source = fc.record({ sourceClusterId: cluster, sourceNamespace: namespace });
const destination = fc.record({ destinationClusterId: cluster, destinationNamespace: namespace });

Deno.test("ownership: a copy is ours to the Replication and the object that it was made for, and to no others", () => {
  let ours = 0;
  // The same ends, ends with one source, and any others.
  const ends = fc.tuple(source, destination).map(([from, to]) => ({ ...from, ...to }));
  const two = fc.oneof(
    ends.map((one) => [one, { ...one }] as const),
    fc.tuple(source, destination, destination).map(([from, to, other]) =>
      [{ ...from, ...to }, { ...from, ...other }] as const
    ),
    fc.tuple(ends, ends),
  );
  const names = fc.tuple(name, name, fc.boolean()).map(([one, other, isSame]) => [one, isSame ? one : other] as const);
  fc.assert(
    fc.property(two, names, ([mine, theirs], [objectName, otherName]) => {
      const source = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: objectName, uid: "u" } };
      const { destinationClusterId: _, ...place } = mine;
      const copy = desired(source, contextFor(source, { ...place, replicationId: replicationId(mine) }));
      assert.ok(copy.kind === "object");
      const { sourceClusterId, sourceNamespace } = theirs;
      const is = ownedBy(copy.object.metadata, replicationId(theirs), sourceClusterId, sourceNamespace, otherName);
      const isSame = JSON.stringify(mine) === JSON.stringify(theirs) && objectName === otherName;
      assert.equal(is === "ours", isSame, `${is}: ${JSON.stringify([mine, theirs, objectName, otherName])}`);
      if (isSame) ours++;
    }),
    { numRuns: 3_000 },
  );
  assert.ok(ours > 100, `only ${ours} were the same`);
});
