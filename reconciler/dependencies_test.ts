import assert from "node:assert/strict";
import type { ClassList } from "./classes.ts";
import { findMissing } from "./dependencies.ts";
import { dependenciesMissing } from "./dependencies_missing.ts";
import type { ClassKind, ClassName } from "./desired/classes.ts";

function lists(found: Partial<Record<ClassKind, ClassList>>): (kind: ClassKind) => ClassList | undefined {
  return (kind) => found[kind];
}

const REFUSED = { failureClass: "Forbidden", message: "cannot list storageclasses" } as const;

Deno.test("a class that DR has is not missing, one that it lacks is told with who names it", () => {
  const facts = findMissing(
    Object.entries<ClassName[]>({
      "persistentvolumeclaims/a": ["StorageClass/fast"],
      "statefulsets.apps/b": ["StorageClass/fast", "StorageClass/slow"],
    }),
    lists({ StorageClass: new Set(["slow"]) }),
  );
  const users = ["persistentvolumeclaims/a", "statefulsets.apps/b"];
  assert.deepEqual(facts, { missing: [{ name: "StorageClass fast", users }] });
});

Deno.test("names of one kind are not names of another", () => {
  const facts = findMissing(
    Object.entries<ClassName[]>({ "ingresses.networking.k8s.io/a": ["IngressClass/x"] }),
    lists({ StorageClass: new Set(["x"]), IngressClass: new Set() }),
  );
  assert.deepEqual(facts.missing.map(({ name }) => name), ["IngressClass x"]);
});

Deno.test("what was not read yet is not judged, what cannot be read is told", () => {
  const named = Object.entries<ClassName[]>({ "persistentvolumeclaims/a": ["StorageClass/fast"] });
  assert.deepEqual(findMissing(named, lists({})), { missing: [] });
  assert.deepEqual(findMissing(named, lists({ StorageClass: REFUSED })), { missing: [], unreadable: REFUSED.message });
  assert.deepEqual(findMissing([], lists({ StorageClass: REFUSED })), { missing: [] }, "nobody needs them");
});

Deno.test("DependenciesMissing names classes, users and what to do", () => {
  const missing = [{ name: "StorageClass fast", users: ["persistentvolumeclaims/a", "persistentvolumeclaims/b"] }];
  const { status, reason, message } = dependenciesMissing([], { missing });
  assert.deepEqual([status, reason], ["True", "ClassMissing"]);
  assert.match(
    message,
    /StorageClass fast \(persistentvolumeclaims\/a and 1 more\): create them in DR.*storageClassMappings/,
  );
});

Deno.test("DependenciesMissing tells of kinds first, and of what it does not know", () => {
  const missing = [{ name: "IngressClass x", users: ["ingresses.networking.k8s.io/a"] }];
  const both = dependenciesMissing(["no widgets"], { missing });
  assert.equal(both.reason, "KindMissing");
  assert.match(both.message, /^no widgets; .*IngressClass x/);
  const unknown = dependenciesMissing([], { missing: [], unreadable: REFUSED.message });
  assert.deepEqual([unknown.status, unknown.reason], ["Unknown", "ClassesUnreadable"]);
  assert.equal(dependenciesMissing([], { missing: [] }).status, "False");
});
