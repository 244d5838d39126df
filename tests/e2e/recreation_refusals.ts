/**
 * A copy that is to be created anew, in a DR cluster that would not take it: the old one stays.
 *
 * @module
 */
import assert from "node:assert/strict";
import { waitFor } from "../wait.ts";
import { failure, healed } from "./refusals.ts";
import type { Printed, Scene } from "./scene.ts";

/** A ConfigMap whose data nobody can change in place. */
function fixed(namespace: string, name: string, a: string): object {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, immutable: true, data: { a } };
}

/** A policy that denies that ConfigMaps with `data.a` "denied" are created, as one that came later would. */
function policy(namespace: string): object[] {
  const apiVersion = "admissionregistration.k8s.io/v1";
  const resourceRules = [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["configmaps"] }];
  const namespaceSelector = { matchLabels: { "kubernetes.io/metadata.name": namespace } };
  const expression = "!has(object.data) || !('a' in object.data) || object.data.a != 'denied'";
  const metadata = { name: "no-create" };
  const spec = {
    failurePolicy: "Fail",
    matchConstraints: { resourceRules, namespaceSelector },
    validations: [{ expression, message: "not in this cluster" }],
  };
  const binding = { policyName: "no-create", validationActions: ["Deny"] };
  return [
    { apiVersion, kind: "ValidatingAdmissionPolicy", metadata, spec },
    { apiVersion, kind: "ValidatingAdmissionPolicyBinding", metadata, spec: binding },
  ];
}

/** A policy denies the create that would follow the delete. */
export async function denied(scene: Scene): Promise<void> {
  const name = "anew-denied";
  await scene.replicate(name, { immutableFieldPolicy: "Recreate" });
  await scene.apply([fixed(name, "fixed", "1")]);
  const before = await scene.until(scene.dr, "configmap", "fixed", name);
  await scene.apply(policy(name), scene.dr);
  const probe = JSON.stringify(fixed(name, "probe", "denied"));
  await untilRefused(scene, probe, /not in this cluster/);
  await changeSource(scene, fixed(name, "fixed", "denied"));
  const told = await failure(scene, name, "ConfigMap", "fixed");
  assert.equal(told.class, "Denied");
  assert.match(told.message, /not created anew.*'no-create'.*not in this cluster.*change the policy/);
  assert.deepEqual(asItIs(await scene.get(scene.dr, "configmap", "fixed", name)), asItIs(before));
  const kinds = "validatingadmissionpolicybinding/no-create,validatingadmissionpolicy/no-create";
  await scene.dr.kubectl(["delete", ...kinds.split(",")]);
  await scene.until(scene.dr, "configmap", "fixed", name, ({ data }) => data.a === "denied", 60_000);
  await healed(scene, name, 1);
}

/** A quota that has no room but the old copy's own lets it be replaced; one that is over-full does not. */
export async function overFull(scene: Scene): Promise<void> {
  const name = "anew-quota";
  await scene.replicate(name, { immutableFieldPolicy: "Recreate" });
  await scene.apply([fixed(name, "fixed", "1"), fixed(name, "other", "1")]);
  const before = await scene.until(scene.dr, "configmap", "fixed", name);
  await scene.until(scene.dr, "configmap", "other", name);
  const hard = (count: number) => ({
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name: "full", namespace: name },
    spec: { hard: { "count/configmaps": String(count) } },
  });
  const probe = JSON.stringify(fixed(name, "probe", "2"));
  // The two copies, and kube-root-ca.crt.
  await scene.apply([hard(2)], scene.dr);
  await untilRefused(scene, probe, /exceeded quota: full.*used: count\/configmaps=3, limited: count\/configmaps=2/);
  await changeSource(scene, fixed(name, "fixed", "2"));
  const told = await failure(scene, name, "ConfigMap", "fixed");
  assert.equal(told.class, "Quota");
  assert.match(told.message, /not created anew.*exceeded quota: full.*raise the quota/);
  assert.deepEqual(asItIs(await scene.get(scene.dr, "configmap", "fixed", name)), asItIs(before));
  await scene.apply([hard(3)], scene.dr);
  await scene.until(scene.dr, "configmap", "fixed", name, ({ data }: Printed) => data.a === "2", 60_000);
  await healed(scene, name, 2);
}

/** Whose its fields are may have changed: the first apply over a copy begins with that. */
function asItIs({ metadata: { resourceVersion: _, managedFields: __, ...metadata }, ...rest }: Printed): object {
  return { metadata, ...rest };
}

/** What is immutable in the source, too, is created anew there; the copy of a new object follows it. */
async function changeSource(scene: Scene, object: object): Promise<void> {
  await scene.source.kubectl(["replace", "--force", "-f", "-"], { stdin: JSON.stringify(object) });
}

async function untilRefused(scene: Scene, object: string, words: RegExp): Promise<void> {
  await waitFor(`DR to say ${words}`, async () => {
    const args = ["create", "--dry-run=server", "-f", "-"];
    return words.test((await scene.dr.kubectl(args, { stdin: object, allowFailure: true })).stderr);
  }, { deadlineMs: 60_000 });
}
