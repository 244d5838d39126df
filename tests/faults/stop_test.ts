/**
 * Mirroring stops while writes are on their way to DR: those that the API server was sent are waited for, each has its audit line,
 * and no other is sent.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { KubeClient } from "../../kube/types.ts";
import { CONFIG_MAPS, configMap, connect } from "../e2e/webhook_scene.ts";
import { waitFor } from "../wait.ts";
import { type ApiScene, startApiScene } from "./api_scene.ts";

const NAMESPACE = "shop";
const OBJECTS = 60;
/** As many are under way at once in the beginning; with the spare ones still less than half of all. */
const AT_ONCE = 16;
const SLOW_WRITE_MS = 3_000;
const DEADLINE_MS = 60_000;

interface Stopped extends ApiScene {
  readonly source: KubeClient;
  readonly dr: KubeClient;
}

Deno.test("mirroring stops with writes in flight", async (t) => {
  await using through = await startApiScene("dr");
  const { scene } = through;
  const [source, dr] = [connect(scene.source.kubeconfig), connect(scene.dr.kubeconfig)];
  try {
    await scene.replicate(NAMESPACE);
    await scene.condition(NAMESPACE, "Synced", "True");
    await t.step("paused: they finish, and none begins", () => paused({ ...through, source, dr }));
    await t.step("SIGTERM: they finish, and none begins", () => terminated({ ...through, source, dr }));
  } finally {
    source.close();
    dr.close();
  }
});

async function paused(stopped: Stopped): Promise<void> {
  const { scene, proxy } = stopped;
  const before = proxy.met;
  const release = await writeSlowly(stopped, "paused");
  await pause(stopped, true);
  await scene.condition(NAMESPACE, "Ready", "False", "Paused", DEADLINE_MS);
  const sent = proxy.met - before;
  await waitFor("an answer to each write that was sent", () => auditOf(stopped, "paused").length >= sent, {
    deadlineMs: DEADLINE_MS,
  });
  assert.deepEqual(auditOf(stopped, "paused"), await copiesOf(stopped, "paused"));
  assert.equal(proxy.met - before, sent, "none was sent after that");
  assert.ok(sent < OBJECTS, `${sent} of ${OBJECTS} were sent`);
  release();
  await pause(stopped, false);
  await waitFor("all copies", async () => (await copiesOf(stopped, "paused")).length === OBJECTS, {
    deadlineMs: DEADLINE_MS,
  });
}

async function terminated(stopped: Stopped): Promise<void> {
  const { scene, proxy } = stopped;
  const before = proxy.met;
  const release = await writeSlowly(stopped, "ended");
  await scene.controller.stop("SIGTERM");
  const sent = proxy.met - before;
  assert.ok(sent < OBJECTS, `${sent} of ${OBJECTS} were sent`);
  assert.equal(auditOf(stopped, "ended").length, sent);
  assert.deepEqual(await copiesOf(stopped, "ended"), auditOf(stopped, "ended"));
  release();
}

/** Many objects whose copies take long to create; resolves when as many creates are under way as may be. */
async function writeSlowly({ proxy, source }: Stopped, prefix: string): Promise<() => void> {
  const before = proxy.met;
  const release = proxy.inject(({ creates }) =>
    creates?.startsWith(`${prefix}-`) ? { do: "delay", delayMs: SLOW_WRITE_MS } : undefined
  );
  const names = Array.from({ length: OBJECTS }, (_, index) => `${prefix}-${index}`);
  await Promise.all(names.map((name) => source.create(CONFIG_MAPS, configMap(NAMESPACE, name))));
  await waitFor("slow writes under way", () => proxy.met >= before + AT_ONCE, { deadlineMs: DEADLINE_MS });
  return release;
}

async function pause({ scene }: Stopped, isPaused: boolean): Promise<void> {
  const patch = JSON.stringify({ spec: { paused: isPaused } });
  const args = ["patch", "replications.dr-syncer.io", NAMESPACE, "-n", "dr-syncer-system", "--type=merge", "-p", patch];
  await scene.source.kubectl(args);
}

/** Names of the copies that the audit log has a create of. */
function auditOf({ scene }: Stopped, prefix: string): string[] {
  return scene.controller.lines.filter(({ logger }) => logger.endsWith("audit"))
    .filter(({ properties: { operation, name } }) => operation === "create" && String(name).startsWith(`${prefix}-`))
    .map(({ properties: { name } }) => String(name)).sort();
}

async function copiesOf({ dr }: Stopped, prefix: string): Promise<string[]> {
  const { items } = await dr.list(CONFIG_MAPS, { namespace: NAMESPACE });
  return items.map(({ metadata: { name } }) => name).filter((name) => name.startsWith(`${prefix}-`)).sort();
}
