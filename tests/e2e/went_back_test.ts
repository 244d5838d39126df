/**
 * What a process keeps of a source that went back to an earlier state, and of which kinds it can know that.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parseInlineKubeconfig } from "../../kube/config.ts";
import { createKubeClient } from "../../kube/client.ts";
import { createTransport } from "../../kube/transport.ts";
import { readForeignGroups } from "../../reconciler/foreign_groups.ts";
import { customDefinition } from "../custom_definition.ts";
import { waitFor } from "../wait.ts";
import { DELETE_FREELY } from "./scenario.ts";
import { type Printed, type Scene, startScene } from "./scene.ts";

const NAMESPACE = "shop";
const WENT_BACK = "dr-syncer.io/source-went-back";
const DEADLINE_MS = 90_000;

Deno.test("a source that went back", async (t) => {
  await using scene = await startScene();
  await t.step("doubts of the past are over: a kind that comes later has ordinary deletes", () => laterKind(scene));
  await t.step("groups that other servers keep are known, as far as they may be read", () => foreignGroups(scene));
});

async function laterKind(scene: Scene): Promise<void> {
  await scene.apply([customDefinition({ kind: "Widget" })]);
  await waitFor("the kind", () => served(scene), { deadlineMs: DEADLINE_MS });
  await scene.replicate(NAMESPACE, { deletion: DELETE_FREELY });
  await scene.apply([{ apiVersion: "example.com/v1", kind: "Widget", metadata: { name: "a", namespace: NAMESPACE } }]);
  await scene.until(scene.dr, "widget", "a", NAMESPACE, undefined, DEADLINE_MS);
  await scene.condition(NAMESPACE, "Synced", "True");
  await scene.controller.stop();
  // Its objects go with it; the copies stay.
  await scene.source.kubectl(["delete", "crd", "widgets.example.com", "--timeout=60s"]);
  await scene.dr.kubectl(["annotate", "lease", "dr-syncer", "-n", NAMESPACE, "--overwrite", `${WENT_BACK}=true`]);
  await scene.startController();
  const isOver = ({ metadata }: Printed) => metadata.annotations[WENT_BACK] === "false";
  await scene.until(scene.dr, "lease", "dr-syncer", NAMESPACE, isOver, DEADLINE_MS);
  assert.ok(await scene.get(scene.dr, "widget", "a", NAMESPACE));
  await scene.apply([customDefinition({ kind: "Widget" })]);
  await scene.untilGone(scene.dr, "widget", "a", NAMESPACE, DEADLINE_MS);
}

async function served(scene: Scene): Promise<boolean> {
  return (await scene.source.kubectl(["get", "widgets", "-A"], { allowFailure: true })).code === 0;
}

async function foreignGroups(scene: Scene): Promise<void> {
  const service = { namespace: "default", name: "nobody" };
  const spec = { group: "foreign.example.com", version: "v1", groupPriorityMinimum: 1, versionPriority: 1, service };
  await scene.apply([
    {
      apiVersion: "apiregistration.k8s.io/v1",
      kind: "APIService",
      metadata: { name: "v1.foreign.example.com" },
      spec: { ...spec, insecureSkipTLSVerify: true },
    },
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "nobody", namespace: "default" } },
  ]);
  const known = async (kubeconfig: string) => {
    const client = createKubeClient(createTransport(parseInlineKubeconfig(kubeconfig)));
    const groups = await readForeignGroups(client);
    client.close();
    return [...groups];
  };
  assert.deepEqual(await known(await Deno.readTextFile(scene.kubeconfigPath)), ["foreign.example.com"]);
  const nobody = await scene.source.kubeconfigFor({ namespace: "default", serviceAccount: "nobody" });
  assert.deepEqual(await known(nobody), []);
}
