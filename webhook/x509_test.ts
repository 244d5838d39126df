import assert from "node:assert/strict";
import { time, unsignedInteger } from "./der.ts";
import { inspect, isIssuedBy, issueCa, issueLeaf, keyMatches } from "./x509.ts";

const VALIDITY = { notBefore: new Date("2026-01-01T00:00:00Z"), notAfter: new Date("2056-01-01T00:00:00Z") };

Deno.test("a leaf is signed by its CA, for the names it was asked for, until after 2050", () => {
  const ca = issueCa("test CA", VALIDITY);
  const hosts = ["hook.ns.svc", "127.0.0.1", "localhost"];
  const leaf = issueLeaf(ca, hosts, VALIDITY);
  assert.deepEqual(inspect(leaf.certPem), { ...VALIDITY, isCa: false, hosts });
  assert.deepEqual(inspect(ca.certPem), { ...VALIDITY, isCa: true, hosts: [] });
  assert.ok(isIssuedBy(leaf.certPem, ca.certPem));
  assert.ok(keyMatches(leaf.certPem, leaf.keyPem));
});

Deno.test("another CA, another key and what is no certificate are told apart", () => {
  const [ca, other] = [issueCa("CA", VALIDITY), issueCa("CA", VALIDITY)];
  const leaf = issueLeaf(ca, ["a"], VALIDITY);
  assert.equal(isIssuedBy(leaf.certPem, other.certPem), false, "the same name, another key");
  assert.equal(keyMatches(leaf.certPem, ca.keyPem), false);
  assert.equal(keyMatches(leaf.certPem, "nonsense"), false);
  assert.equal(inspect("nonsense"), undefined);
});

Deno.test("an IPv6 address becomes sixteen octets", () => {
  const leaf = issueLeaf(issueCa("CA", VALIDITY), ["fd00::1:2", "::1"], VALIDITY);
  assert.deepEqual(inspect(leaf.certPem)?.hosts, ["fd00::1:2", "::1"]);
});

Deno.test("DER: integers stay positive and short, times change their form in 2050", () => {
  assert.deepEqual([...unsignedInteger(Uint8Array.of(0, 0, 0x80))], [0x02, 2, 0, 0x80]);
  assert.deepEqual([...unsignedInteger(Uint8Array.of(0))], [0x02, 1, 0]);
  const text = (at: string) => new TextDecoder().decode(time(new Date(at)).subarray(2));
  assert.equal(text("2049-12-31T23:59:59.900Z"), "491231235959Z");
  assert.equal(text("2050-01-01T00:00:00Z"), "20500101000000Z");
});
