import assert from "node:assert/strict";
import type { KubeObject } from "../kube/types.ts";
import { type ConfigurationOptions, desiredConfigurations } from "./configuration.ts";
import { isAsDesired } from "./configurations.ts";

const OPTIONS: ConfigurationOptions = {
  caBundle: "PEM",
  validate: { service: { name: "hook", namespace: "ns", port: 443 } },
  observe: { url: "https://127.0.0.1:8443/" },
  namespaces: ["b", "a", "b"],
  ownUserNames: ["system:serviceaccount:ns:b", 'a"'],
  owner: { apiVersion: "v1", kind: "Namespace", name: "ns", uid: "u" },
};

interface Webhook {
  clientConfig: unknown;
  namespaceSelector: { matchExpressions?: { values: string[] }[] };
  matchConditions: { name: string; expression: string }[];
}

const webhookOf = (object: KubeObject | undefined) => (object?.webhooks as Webhook[])[0]!;

Deno.test("configurations name Service or URL, sorted namespaces and our own users", () => {
  const [validate, observe] = desiredConfigurations(OPTIONS);
  assert.deepEqual(webhookOf(validate).clientConfig, {
    service: { name: "hook", namespace: "ns", path: "/validate", port: 443 },
    caBundle: btoa("PEM"),
  });
  const hook = webhookOf(observe);
  assert.deepEqual(hook.clientConfig, { url: "https://127.0.0.1:8443/observe", caBundle: btoa("PEM") });
  assert.deepEqual(hook.namespaceSelector.matchExpressions?.[0]?.values, ["a", "b"]);
  assert.equal(
    hook.matchConditions.at(-1)?.expression,
    '!(request.userInfo.username in ["a\\"", "system:serviceaccount:ns:b"])',
  );
});

Deno.test("without namespaces there is nothing to observe", () => {
  const names = desiredConfigurations({ ...OPTIONS, namespaces: [] }).map(({ metadata }) => metadata.name);
  assert.deepEqual(names, ["dr-syncer-validate"]);
});

Deno.test("a live configuration is right with defaults and foreign webhooks, wrong with anything else", () => {
  const desired = desiredConfigurations(OPTIONS)[1]!;
  const live = (change: (webhook: Record<string, unknown>, object: KubeObject) => void): boolean => {
    const copy = structuredClone(desired);
    change((copy.webhooks as Record<string, unknown>[])[0]!, copy);
    return isAsDesired(copy, desired);
  };
  assert.equal(live((webhook) => webhook.someDefault = true), true);
  assert.equal(live((_, object) => void (object.webhooks as unknown[]).unshift({ name: "foreign" })), true);
  assert.equal(live((webhook) => webhook.failurePolicy = "Fail"), false);
  assert.equal(live((webhook) => void (webhook.matchConditions as unknown[]).push({ name: "x" })), false);
  assert.equal(live((_, object) => object.webhooks = []), false);
  assert.equal(live((_, object) => object.metadata.labels = {}), false);
  assert.equal(live((_, object) => delete object.metadata.ownerReferences), false);
});
