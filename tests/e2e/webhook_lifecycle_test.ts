/**
 * The admission server when it begins and ends: Services lead to a Pod a little after it is there, and a little after it was told to
 * go.
 *
 * @module
 */
import assert from "node:assert/strict";
import { isKubeError } from "../../kube/errors.ts";
import type { ResourceType } from "../../kube/types.ts";
import { VALIDATE_CONFIGURATION } from "../../webhook/configuration.ts";
import { removeConfiguration } from "../../webhook/configurations.ts";
import { Keeper } from "../../webhook/keeper.ts";
import { connectDr, installDr } from "../rig/install.ts";
import type { Cluster } from "../rig/cluster.ts";
import { waitFor } from "../wait.ts";
import { startSafetyScene } from "./safety.ts";
import { type Printed, replication } from "./scene.ts";
import {
  CERTIFICATE_OPTIONS,
  CONFIG_MAPS,
  configMap,
  CONTROL,
  memoryLog,
  OBSERVED,
  type Scene,
  startScene,
  WEBHOOKS,
} from "./webhook_scene.ts";

const DEADLINE = { deadlineMs: 60_000 };
const SERVICE = { namespace: CONTROL, name: "dr-syncer-webhook", port: 443 };
const ENDPOINT_SLICES: ResourceType = {
  ...CONFIG_MAPS,
  group: "discovery.k8s.io",
  resource: "endpointslices",
  kind: "EndpointSlice",
  singular: "endpointslice",
};

Deno.test("an admission server that begins and ends", async (t) => {
  await using scene = await startScene("1.36");
  await t.step("one that is to end answers still, and each connection ends with its answer", () => ends(scene));
  await t.step("the hook of our kinds waits until somebody is behind the Service", () => begins(scene));
});

async function begins(scene: Scene): Promise<void> {
  const { client, admission, certificates, lines } = scene;
  await removeConfiguration(client, VALIDATE_CONFIGURATION);
  let nowMs = 0;
  const keeper = new Keeper({
    client,
    admission,
    certificates: CERTIFICATE_OPTIONS,
    validate: { service: SERVICE },
    observe: { service: SERVICE },
    ownUserNames: [],
    namespaces: () => [],
    leading: () => true,
    now: () => nowMs,
    log: memoryLog(lines),
  }, certificates);
  const isPublished = async () => {
    await keeper.look();
    return await client.get(WEBHOOKS, { name: VALIDATE_CONFIGURATION }).then(() => true, (error: unknown) => {
      if (isKubeError(error, "NotFound")) return false;
      throw error;
    });
  };
  try {
    assert.equal(await isPublished(), false, "there is no Service yet");
    await putSlice(scene, false);
    assert.equal(await isPublished(), false, "its Pod is not ready");
    nowMs += 10_000;
    assert.equal(await isPublished(), false, "nor is it later");
    await putSlice(scene, true);
    assert.equal(await isPublished(), false, "the nodes' proxies may not know yet");
    nowMs += 5_000;
    assert.equal(await isPublished(), true);
    await putSlice(scene, false);
    nowMs += 60_000;
    assert.equal(await isPublished(), true, "once published it stays: a restart must let nothing pass");
  } finally {
    await keeper.stop();
  }
}

async function putSlice({ client }: Scene, ready: boolean): Promise<void> {
  const metadata = {
    name: "webhook",
    namespace: CONTROL,
    labels: { "kubernetes.io/service-name": SERVICE.name },
  };
  const endpoints = [{ addresses: ["10.0.0.5"], conditions: { ready } }];
  const slice = { apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", metadata, addressType: "IPv4", endpoints };
  await client.apply(ENDPOINT_SLICES, slice, { fieldManager: "test", force: true });
}

async function ends({ client, admission, certificates, hints }: Scene): Promise<void> {
  await using connection = await openConnection(admission.port, certificates.caBundle);
  assert.equal(await connection.ask(), "HTTP/1.1 200 OK");
  assert.equal(await connection.ask(), "HTTP/1.1 200 OK", "it is kept open");
  admission.drain();
  await admission.ping(5_000);
  assert.equal(await connection.ask(), "HTTP/1.1 200 OK", "and serves one more");
  assert.equal(await connection.ask(), undefined, "then it ends");
  await client.create(CONFIG_MAPS, configMap(OBSERVED, "late"));
  await waitFor("the hint of a late write", () => hints.some(({ name }) => name === "late"), DEADLINE);
}

/** A connection of its own to the admission server, as an API server keeps some. */
async function openConnection(port: number, caPem: string) {
  const tls = await Deno.connectTls({ hostname: "127.0.0.1", port, caCerts: [caPem] });
  const body = JSON.stringify({ request: { uid: "u", operation: "UPDATE", namespace: OBSERVED, name: "x" } });
  const head = `POST /observe HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n` +
    `content-length: ${body.length}\r\n\r\n`;
  return {
    /** The status line of the answer; undefined: the server has closed. */
    async ask(): Promise<string | undefined> {
      const answer = new Uint8Array(16_384);
      const count = await tls.write(new TextEncoder().encode(head + body)).then(() => tls.read(answer), () => null);
      return count === null ? undefined : new TextDecoder().decode(answer.subarray(0, count)).split("\r\n")[0];
    },
    [Symbol.asyncDispose]() {
      tls.close();
      return Promise.resolve();
    },
  };
}

Deno.test("a replica that never led judges as the leader does", async () => {
  await using safety = await startSafetyScene();
  const { scene } = safety;
  await connectDr(scene.source, "self", (await installDr(scene.source)).kubeconfig);
  await safety.source.condition("remoteclusters", "self", { type: "Reachable", status: "True" });
  const follower = await scene.startController([], "follower");
  const port = follower.lines.find(({ message }) => message === "listening")?.properties.webhookPort;
  const configuration = await scene.get(scene.source, "validatingwebhookconfiguration", VALIDATE_CONFIGURATION);
  const caPem = new TextDecoder().decode(Uint8Array.fromBase64(configuration.webhooks[0].clientConfig.caBundle));
  using client = Deno.createHttpClient({ caCerts: [caPem] });
  const judge = async (object: object) => {
    const resource = { group: "dr-syncer.io", version: "v1alpha1", resource: "replications" };
    const userInfo = { username: "somebody" };
    const request = { uid: "u", resource, operation: "CREATE", namespace: CONTROL, object, userInfo };
    const body = JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request });
    const answer = await fetch(`https://127.0.0.1:${port}/validate`, { client, method: "POST", body });
    return (await answer.json()).response;
  };
  const right = await withDefaults(
    scene.source,
    replication("one", { destinationCluster: "dr", sourceNamespace: "shop" }),
  );
  const same = { ...right, spec: { ...right.spec, destinationCluster: "self" } };
  const denied = await waitFor("the follower to deny it", async () => {
    const response = await judge(same);
    return response.allowed ? undefined : response;
  }, DEADLINE);
  assert.match(denied.status.message, /same namespace of the same cluster/);
  assert.equal((await judge(right)).allowed, true);
  assert.equal(await follower.metric("dr_syncer_leader"), 0);
});

/** The object as an API server hands it to a hook. */
async function withDefaults(cluster: Cluster, object: object): Promise<Printed> {
  const args = ["create", "--dry-run=server", "-o", "json", "-f", "-"];
  const { stdout } = await cluster.kubectl(args, { stdin: JSON.stringify(object) });
  return JSON.parse(stdout);
}
