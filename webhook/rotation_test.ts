import assert from "node:assert/strict";
import { renew } from "./certs.ts";
import {
  inspectStored,
  planRotation,
  type RotationTimes,
  type StoredCertificates,
  type StoredFacts,
} from "./rotation.ts";
import { isIssuedBy } from "./x509.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const TIMES: RotationTimes = { caLifeMs: 300 * DAY_MS, leafLifeMs: 30 * DAY_MS, overlapMs: HOUR_MS, backdateMs: 0 };
const at = (day: number) => new Date(Date.UTC(2026, 0, 1) + day * DAY_MS);
const life = (from: number, to: number) => ({ notBefore: at(from), notAfter: at(to) });
const leaf = (from: number, to: number, issuedBy: "ca" | "oldCa" = "ca", hosts = ["hook"]) => ({
  ...life(from, to),
  hosts,
  issuedBy,
});

const CASES: [string, Partial<StoredFacts>, number, string][] = [
  ["nothing stored", {}, 0, "startOver"],
  ["no leaf", { ca: life(0, 300) }, 1, "issueLeaf"],
  ["fresh", { ca: life(0, 300), leaf: leaf(0, 30) }, 1, "keep"],
  ["just before two thirds of the leaf", { ca: life(0, 300), leaf: leaf(0, 30) }, 19.99, "keep"],
  ["two thirds of the leaf", { ca: life(0, 300), leaf: leaf(0, 30) }, 20, "issueLeaf"],
  ["a name is missing", { ca: life(0, 300), leaf: leaf(0, 30, "ca", ["other"]) }, 1, "issueLeaf"],
  ["two thirds of the CA", { ca: life(0, 300), leaf: leaf(190, 220) }, 200, "stageCa"],
  ["two thirds of the CA, leaf just issued", { ca: life(0, 300), leaf: leaf(200, 230) }, 200.01, "keep"],
  ["new CA, overlap runs", { ca: life(200, 500), oldCa: life(0, 300), leaf: leaf(190, 220, "oldCa") }, 200.02, "keep"],
  [
    "new CA, overlap over",
    { ca: life(200, 500), oldCa: life(0, 300), leaf: leaf(190, 220, "oldCa") },
    200.05,
    "issueLeaf",
  ],
  [
    "old leaf due while overlap runs",
    { ca: life(200, 500), oldCa: life(0, 300), leaf: leaf(170, 201, "oldCa") },
    200.02,
    "keep",
  ],
  [
    "old leaf expired while overlap runs",
    { ca: life(200, 500), oldCa: life(0, 300), leaf: leaf(170, 200, "oldCa") },
    200.02,
    "issueLeaf",
  ],
  ["old CA still needed", { ca: life(200, 500), oldCa: life(0, 300), leaf: leaf(215, 245) }, 230, "keep"],
  ["old CA not needed", { ca: life(200, 500), oldCa: life(0, 300), leaf: leaf(225, 255) }, 231, "dropOldCa"],
  ["old CA expired", { ca: life(200, 500), oldCa: life(0, 210), leaf: leaf(205, 235) }, 211, "dropOldCa"],
  ["old CA damaged", { ca: life(0, 300), oldCa: "damaged", leaf: leaf(0, 30) }, 1, "dropOldCa"],
  ["CA expired", { ca: life(0, 300), leaf: leaf(290, 320) }, 300, "startOver"],
];

for (const [name, facts, day, action] of CASES) {
  Deno.test(`rotation: ${name} → ${action}`, () => {
    assert.equal(planRotation({ problems: [], ...facts }, ["hook"], at(day), TIMES).action, action);
  });
}

Deno.test("rotation: no leaf is ever unknown to the bundle published before it, and none expires", () => {
  const times = { ...TIMES, caLifeMs: 9 * DAY_MS, leafLifeMs: 3 * DAY_MS };
  const authorities = new Set<string | undefined>();
  let stored: StoredCertificates = {};
  for (let day = 0; day < 14; day += 0.125) {
    const next = renew(stored, { hosts: ["hook"], now: () => at(day), times }).stored;
    const published = day === 0 ? [next.caPem] : [stored.caPem, stored.oldCaPem];
    assert.ok(published.some((caPem) => isIssuedBy(next.certPem ?? "", caPem ?? "")), `day ${day}: an unknown CA`);
    assert.ok(at(day) < (inspectStored(next).leaf?.notAfter ?? at(0)), `day ${day}: expired`);
    authorities.add(next.caPem);
    stored = next;
  }
  assert.equal(authorities.size, 3, "nine days, renewed at six");
});

Deno.test("rotation: names count whatever their spelling", () => {
  const hosts = ["Hook.NS.svc", "FD00:0::1"];
  const options = { hosts, now: () => at(0), times: TIMES };
  assert.deepEqual(renew(renew({}, options).stored, options).steps, []);
});

Deno.test("rotation: what is damaged is named", () => {
  const good = renew({}, { hosts: ["hook"], now: () => at(0), times: TIMES }).stored;
  const other = renew({}, { hosts: ["hook"], now: () => at(0), times: TIMES }).stored;
  const problems = (change: StoredCertificates) => inspectStored({ ...good, ...change }).problems;
  assert.deepEqual(problems({}), []);
  assert.deepEqual(problems({ caPem: "x" }), [
    "ca.crt is not a CA certificate",
    "tls.crt was signed by neither ca.crt nor ca-old.crt",
  ]);
  assert.deepEqual(problems({ caKeyPem: other.caKeyPem }), ["ca.key is not the key of ca.crt"]);
  assert.deepEqual(problems({ keyPem: other.keyPem }), ["tls.key is not the key of tls.crt"]);
  assert.deepEqual(problems({ oldCaPem: good.certPem }), ["ca-old.crt is not a CA certificate"]);
  assert.deepEqual(problems({ caPem: good.certPem, caKeyPem: good.keyPem }).at(0), "ca.crt is not a CA certificate");
});
