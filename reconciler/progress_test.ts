import assert from "node:assert/strict";
import { createKubeClient } from "../kube/client.ts";
import { KubeError } from "../kube/errors.ts";
import { createTransport } from "../kube/transport.ts";
import type { MirrorContext } from "./mirror_context.ts";
import { withProgress } from "./progress.ts";
import { kindOf } from "./testing.ts";

Deno.test("each call of a turn that ends is a sign of life, also one that fails", async () => {
  // Nobody listens there.
  const client = createKubeClient(
    createTransport({ server: "http://127.0.0.1:1", credential: { kind: "token", token: "none" } }),
  );
  let steps = 0;
  const context = { source: client, target: client } as unknown as MirrorContext;
  const { source, target } = withProgress(context, () => void steps++);
  const type = kindOf("configmaps", "ConfigMap");
  const ref = { namespace: "app", name: "a" };
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata: ref };
  const calls: readonly (() => Promise<unknown>)[] = [
    () => source.get(type, ref),
    () => source.list(type, { namespace: "app" }),
    () => target.get(type, ref),
    () => target.list(type, { namespace: "app" }),
    () => target.create(type, object),
    () => target.replace(type, object),
    () => target.apply(type, object, { fieldManager: "test" }),
    () => target.patch(type, ref, { type: "merge", body: {} }),
    () => target.delete(type, ref),
  ];
  for (const [index, call] of calls.entries()) {
    const begun = call();
    assert.equal(steps, index);
    await assert.rejects(begun, KubeError);
    assert.equal(steps, index + 1);
  }
  client.close();
});
