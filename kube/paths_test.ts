import assert from "node:assert/strict";
import fc from "fast-check";
import { isKubeError } from "./errors.ts";
import { actionOf, collectionPath, objectPath } from "./paths.ts";
import type { ResourceType } from "./types.ts";

const pods: ResourceType = {
  group: "",
  version: "v1",
  resource: "pods",
  kind: "Pod",
  singular: "pod",
  shortNames: [],
  namespaced: true,
  verbs: [],
  subresources: [],
};
const roles = { ...pods, group: "rbac.authorization.k8s.io", resource: "clusterroles", namespaced: false };

Deno.test("paths follow group, version, scope and subresource", () => {
  assert.equal(collectionPath(pods), "/api/v1/pods");
  assert.equal(collectionPath(pods, "app"), "/api/v1/namespaces/app/pods");
  assert.equal(objectPath(pods, { namespace: "app", name: "web" }, "status"), "/api/v1/namespaces/app/pods/web/status");
  const path = "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode";
  assert.equal(objectPath(roles, { name: "system:node" }), path);
  assert.equal(objectPath(roles, { name: "system:node", namespace: "ignored" }), path);
});

Deno.test("a name is one segment of the path or refused, whatever it holds", () => {
  const base = "/api/v1/namespaces/app/pods/";
  fc.assert(fc.property(fc.string({ unit: "binary" }), (name) => {
    try {
      const { pathname, search, hash } = new URL(`https://host${objectPath(pods, { namespace: "app", name })}`);
      assert.ok(pathname.startsWith(base) && pathname.length > base.length, pathname);
      assert.equal(decodeURIComponent(pathname.slice(base.length)).includes("/"), false);
      assert.deepEqual([search, hash], ["", ""]);
    } catch (error) {
      assert.ok(isKubeError(error, "BadRequest"), `${error}`);
    }
  }));
});

Deno.test("a reference that would reach something else is refused", () => {
  for (const name of ["", ".", "..", "web/scale", "a%2Fb"]) {
    for (const ref of [{ namespace: "app", name }, { namespace: name, name: "web" }]) {
      assert.throws(() => objectPath(pods, ref), { name: "KubeError", reason: "BadRequest" });
    }
    assert.throws(() => collectionPath(pods, name), { name: "KubeError", reason: "BadRequest" });
  }
  assert.throws(() => objectPath(pods, { name: "web" }), { reason: "BadRequest" });
});

Deno.test("actions name verb, kind and object", () => {
  assert.equal(actionOf("get", pods, { namespace: "app", name: "web" }), "get pods app/web");
  assert.equal(
    actionOf("patch", roles, { name: "a" }, "status"),
    "patch clusterroles.rbac.authorization.k8s.io/status a",
  );
  assert.equal(actionOf("list", pods), "list pods");
});
