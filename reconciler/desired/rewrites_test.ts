import assert from "node:assert/strict";
import fc from "fast-check";
import type { KubeObject } from "../../kube/types.ts";
import { desired } from "./desired.ts";
import { isObject } from "./json.ts";
import { contextFor, readGoldenSources } from "./testing.ts";

const NAME_LABEL = "kubernetes.io/metadata.name";
/** Names that begin, end or continue like each other. */
const namespace = fc.constantFrom("app", "app-prod", "prod-app", "ap", "app-dr", "app-dr-prod", "a");
const text = fc.oneof(namespace, fc.string({ maxLength: 8 }));
const subject = fc.oneof(
  fc.record({ kind: fc.constant("ServiceAccount"), name: text, namespace }),
  fc.record({ kind: fc.constant("Group"), name: text.map((name) => `system:serviceaccounts:${name}`) }),
  fc.record({
    kind: fc.constant("User"),
    name: fc.tuple(text, text).map((it) => `system:serviceaccount:${it.join(":")}`),
  }),
  fc.record({ kind: fc.constantFrom("User", "Group"), name: text }),
);
const selector = fc.record({
  matchLabels: fc.dictionary(fc.constantFrom(NAME_LABEL, "team", "name"), text),
  matchExpressions: fc.array(
    fc.record({
      key: fc.constantFrom(NAME_LABEL, "team"),
      operator: fc.constantFrom("In", "NotIn"),
      values: fc.array(text, { maxLength: 4 }),
    }),
    { maxLength: 3 },
  ),
}, { requiredKeys: [] });

/** Objects whose rules follow a namespace that has another name in DR. */
const follower: fc.Arbitrary<KubeObject> = fc.oneof(
  fc.array(subject, { maxLength: 6 }).map((subjects) => ({
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: { name: "one", uid: "u" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "one" },
    subjects,
  })),
  fc.array(fc.array(selector, { maxLength: 3 }), { maxLength: 3 }).map((rules) => ({
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: "one", uid: "u" },
    spec: {
      podSelector: {},
      ingress: rules.map((peers) => ({ from: peers.map((namespaceSelector) => ({ namespaceSelector })) })),
    },
  })),
);

function copyOf(object: KubeObject, changes: Parameters<typeof contextFor>[1]): KubeObject {
  const result = desired(object, contextFor(object, changes));
  assert.equal(result.kind, "object", JSON.stringify(result));
  return (result as { object: KubeObject }).object;
}

Deno.test("names of a namespace are rewritten once: again changes nothing, and other names stay", () => {
  const names = fc.uniqueArray(namespace, { minLength: 2, maxLength: 2 }) as fc.Arbitrary<[string, string]>;
  let rewritten = 0;
  fc.assert(
    fc.property(follower, names, (object, [sourceNamespace, destinationNamespace]) => {
      const changes = { sourceNamespace, destinationNamespace };
      const once = copyOf(object, changes);
      const again = copyOf(once, changes);
      assert.deepEqual([again.subjects, again.spec], [once.subjects, once.spec]);
      assert.ok(!namespacesOf(once).includes(sourceNamespace), `${JSON.stringify(once)} names ${sourceNamespace}`);
      const [before, after] = [textsOf([object.subjects, object.spec]), textsOf([once.subjects, once.spec])];
      assert.equal(after.length, before.length);
      const places = namespacesOf(object).filter((name) => name === sourceNamespace).length;
      assert.equal(after.filter((is, index) => is !== before[index]).length, places, "nothing else is rewritten");
      for (const [index, is] of after.entries()) {
        const was = before[index] as string;
        if (is === was) continue;
        rewritten++;
        // What changed was the whole name, never a part of a longer one.
        assert.ok(was === sourceNamespace || was.split(":").includes(sourceNamespace), `${was} became ${is}`);
        assert.ok(is === destinationNamespace || is.split(":").includes(destinationNamespace), `${was} became ${is}`);
      }
    }),
    { numRuns: 2_000 },
  );
  assert.ok(rewritten > 200, `only ${rewritten} names were rewritten`);
});

/** The names that stand where a namespace is named. */
function namespacesOf({ subjects = [], spec = {} }: KubeObject): string[] {
  const names = (subjects as { kind: string; name: string; namespace?: string }[]).map(({ kind, name, namespace }) => {
    if (kind === "ServiceAccount") return namespace ?? "";
    return /^system:serviceaccounts?:([^:]*)/.exec(name)?.[1] ?? "";
  });
  const { ingress = [] } = spec as { ingress?: { from: { namespaceSelector: Selector }[] }[] };
  const selectors = ingress.flatMap(({ from }) => from).map(({ namespaceSelector }) => namespaceSelector);
  const labels = selectors.map(({ matchLabels }) => matchLabels?.[NAME_LABEL] ?? "");
  const values = selectors.flatMap(({ matchExpressions = [] }) => matchExpressions)
    .filter(({ key }) => key === NAME_LABEL).flatMap(({ values }) => values);
  return [...names, ...labels, ...values];
}

interface Selector {
  readonly matchLabels?: Record<string, string>;
  readonly matchExpressions?: readonly { readonly key: string; readonly values: readonly string[] }[];
}

/** Every text in a value, in its order. */
function textsOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (Array.isArray(value)) return value.flatMap(textsOf);
  return isObject(value) ? Object.values(value).flatMap(textsOf) : [];
}

const registry = fc.constantFrom("docker.io", "quay.io", "registry.example.com:5000", "ghcr.io", "localhost");
const repository = fc.constantFrom("", "/library", "/team", "/team/tools", "/te", "/teams");
const mirror = fc.constantFrom("mirror.dr", "mirror.dr:5000/cache", "dr.example.com/mirror");
/** Of a registry, a folder, or one image. */
const rule = fc.tuple(registry, repository, mirror, fc.constantFrom("", "", "/web")).map(([host, path, to, name]) => {
  return { from: host + path + name, to: to + name };
});
const rules = fc.array(rule, { minLength: 1, maxLength: 4 });
const digest = `@sha256:${"0".repeat(64)}`;
const folder = fc.oneof(
  fc.tuple(registry, repository).map((parts) => `${parts.join("")}/`),
  fc.constantFrom("", "team/"),
);
const name = fc.tuple(folder, fc.constantFrom("web", "web-api")).map((parts) => parts.join(""));
const suffix = fc.constantFrom("", ":1", ":1.2-a", digest, `:1${digest}`);
const web = readGoldenSources().get("deployment") as KubeObject;

Deno.test("an image is rewritten once, by the first rule that fits whole parts of its name, with tag and digest kept", () => {
  let rewritten = 0;
  fc.assert(
    fc.property(name, suffix, rules, (name, suffix, imageRewrites) => {
      const was = name + suffix;
      const adaptation = { imageRewrites };
      const rewrite = (image: string) => {
        const object = { ...web, spec: { template: { spec: { containers: [{ name: "main", image }] } } } };
        const { spec } = copyOf(object, { adaptation }) as { spec?: typeof object.spec };
        return spec?.template.spec.containers[0]?.image as string;
      };
      const once = rewrite(was);
      assert.equal(rewrite(once), once);
      assert.equal(once, expected(name, imageRewrites) + suffix);
      if (once !== was) rewritten++;
    }),
    { numRuns: 3_000 },
  );
  assert.ok(rewritten > 200, `only ${rewritten} images were rewritten`);
});

/** What the first rule makes of a name that is its `from`, or below it; short names are those of Docker's registry. */
function expected(name: string, rules: readonly { readonly from: string; readonly to: string }[]): string {
  const full = /^web/.test(name) ? `docker.io/library/${name}` : /^team\//.test(name) ? `docker.io/${name}` : name;
  const rule = rules.find(({ from }) => full === from || full.startsWith(`${from}/`));
  return rule === undefined ? name : rule.to + full.slice(rule.from.length);
}
