/**
 * Services of a dual-stack cluster in a DR cluster that has other families: each cluster gives its own, but for what a user named.
 *
 * @module
 */
import assert from "node:assert/strict";
import { failure } from "./refusals.ts";
import { type Printed, type Scene, startScene } from "./scene.ts";

const NAME = "families";
const DEADLINE_MS = 60_000;
/** IPv4 first. */
const DUAL = ["--service-cluster-ip-range=10.96.0.0/16,fd00:96::/112"];
/** 2001:db8::/32 belongs to nobody (RFC 3849). */
const SIX = ["--service-cluster-ip-range=fd00:97::/112", "--advertise-address=2001:db8::1"];

Deno.test("Services of a dual-stack source in an IPv6 DR cluster", async (t) => {
  await using scene = await startScene({ source: { extraApiServerArgs: DUAL }, dr: { extraApiServerArgs: SIX } });
  await scene.replicate(NAME);
  await scene.apply([
    service("plain"),
    service("both", { ipFamilyPolicy: "PreferDualStack" }),
    service("six", { ipFamilies: ["IPv6"] }),
    service("four", { ipFamilies: ["IPv4"] }),
  ]);
  const families = async (name: string) => (await scene.get(scene.source, "service", name, NAME)).spec.ipFamilies;
  assert.deepEqual([await families("plain"), await families("both")], [["IPv4"], ["IPv4", "IPv6"]]);
  await t.step("families that the source gave stay there", async () => {
    for (const [name, policy] of [["plain", "SingleStack"], ["both", "PreferDualStack"]] as const) {
      const { spec } = await copy(scene, name);
      assert.deepEqual([spec.ipFamilies, spec.ipFamilyPolicy], [["IPv6"], policy], name);
      assert.match(spec.clusterIP, /^fd00:97:/);
    }
  });
  await t.step("families that a user named come", async () => {
    const { spec, metadata } = await copy(scene, "six");
    assert.deepEqual(spec.ipFamilies, ["IPv6"]);
    const ours = metadata.managedFields.filter(({ manager }: Printed) => manager === "dr-syncer");
    assert.ok(JSON.stringify(ours).includes('"f:ipFamilies"'), "they were written");
    const { class: failureClass, message } = await failure(scene, NAME, "Service", "four");
    assert.equal(failureClass, "Invalid");
    assert.match(message, /spec\.ipFamilies\[0\].*not configured on this cluster/);
    assert.equal(await scene.get(scene.dr, "service", "four", NAME), undefined);
  });
});

function service(name: string, spec: object = {}): object {
  const metadata = { name, namespace: NAME };
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata,
    spec: { selector: { app: name }, ports: [{ port: 80 }], ...spec },
  };
}

async function copy(scene: Scene, name: string): Promise<Printed> {
  await scene.until(scene.dr, "service", name, NAME, undefined, DEADLINE_MS);
  const args = ["get", "service", name, "-n", NAME, "-o", "json", "--show-managed-fields"];
  return JSON.parse((await scene.dr.kubectl(args)).stdout);
}
