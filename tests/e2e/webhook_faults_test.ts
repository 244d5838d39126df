/**
 * The admission server in trouble: certificates that change under load, a process that is frozen.
 *
 * @module
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { CERTIFICATE_SECRET, ensureCertificates } from "../../webhook/certs.ts";
import { ensureConfigurations } from "../../webhook/configurations.ts";
import { DEFAULT_TIMES } from "../../webhook/rotation.ts";
import { freeze } from "../freeze.ts";
import { waitFor } from "../wait.ts";
import {
  CERTIFICATE_OPTIONS,
  CONFIG_MAPS,
  configMap,
  CONTROL,
  OBSERVED,
  type Scene,
  SECRETS,
  startScene,
} from "./webhook_scene.ts";
import type { WebhookProcessOptions } from "./webhook_process.ts";

const SECRET = { namespace: CONTROL, name: CERTIFICATE_SECRET };

Deno.test("the admission server in trouble", async (t) => {
  await using scene = await startScene("1.36", { times: ALWAYS_DUE });
  await t.step("CA and certificate change again and again under 2,500 writes: no hint is lost", () => rotates(scene));
  await t.step("damaged content of the Secret is replaced, and said so", () => repairs(scene));
  await t.step("replicas that start together agree on one certificate", () => agrees(scene));
  await t.step("frozen: a write takes at most a second longer, and nothing is denied", () => freezes(scene));
});

/** Backdated so far that they are always due: each second of overlap ends in another CA, and all stay valid. */
const ALWAYS_DUE = {
  ...DEFAULT_TIMES,
  leafLifeMs: 30 * 86_400_000,
  caLifeMs: 30 * 86_400_000,
  backdateMs: 70 * 86_400_000,
  overlapMs: 1_000,
};

async function rotates(scene: Scene): Promise<void> {
  const { client, admission, hints, options } = scene;
  hints.length = 0;
  const enough = new AbortController();
  const load = writeUntil(scene, enough.signal);
  const seen = new Set<string>();
  const steps: string[] = [];
  const certificateOptions = {
    ...CERTIFICATE_OPTIONS,
    times: ALWAYS_DUE,
    report: (message: string) => void steps.push(message),
  };
  await waitFor("2,500 writes and five certificates", async () => {
    const renewed = await ensureCertificates(client, certificateOptions);
    await ensureConfigurations(client, options({ caBundle: renewed.caBundle }));
    admission.setCertificate(renewed);
    seen.add(renewed.certPem);
    return seen.size >= 5 && hints.length >= 2_500;
  }, { deadlineMs: 60_000, pollMs: 100, describe: () => `${seen.size} certificates, ${hints.length} hints` });
  enough.abort();
  const written = await load;
  assert.ok(written >= 2_500, `${written} writes`);
  await waitFor("a hint of every write", () => new Set(hints.map(({ name }) => name)).size >= written, {
    deadlineMs: 5_000,
    describe: () => `${new Set(hints.map(({ name }) => name)).size} of ${written}`,
  });
  assert.ok(await admission.ping(5_000));
  assert.equal(admission.stats().handshakeFailures, 0);
  assert.ok(steps.some((step) => /New CA beside the old one/.test(step)), steps.join("\n"));
}

/** Creates ConfigMaps at concurrency 8; answers how many. */
async function writeUntil({ client }: Scene, enough: AbortSignal): Promise<number> {
  let count = 0;
  const writer = async () => {
    while (!enough.aborted) await client.create(CONFIG_MAPS, configMap(OBSERVED, `load-${count++}`));
  };
  await Promise.all(Array.from({ length: 8 }, writer));
  return count;
}

async function repairs({ client }: Scene): Promise<void> {
  const before = await ensureCertificates(client, CERTIFICATE_OPTIONS);
  const said: string[] = [];
  const options = {
    ...CERTIFICATE_OPTIONS,
    report: (message: string, warning: boolean) => void (warning && said.push(message)),
  };
  const damage = { data: { "ca.key": btoa("nonsense"), "tls.crt": "AAAA", "ca-old.crt": btoa("x") } };
  await client.patch(SECRETS, SECRET, { type: "merge", body: damage });
  const after = await ensureCertificates(client, options);
  assert.deepEqual(said.map((line) => line.replace(/^.*: /, "")).sort(), [
    "ca-old.crt is not a CA certificate",
    "ca.key is not the key of ca.crt",
    "tls.crt is not a certificate",
  ]);
  assert.notEqual(after.certPem, before.certPem);
  assert.ok(after.caBundle.endsWith(before.caBundle.slice(0, before.caBundle.indexOf("-----END"))) === false);
  assert.ok(after.caBundle.includes(firstCertificate(before.caBundle)), "replicas may still serve the former CA's");
  const again = await ensureCertificates(client, options);
  assert.equal(again.resourceVersion, after.resourceVersion, "what is right is not written again");
}

async function agrees({ client }: Scene): Promise<void> {
  await client.delete(SECRETS, SECRET);
  const sets = await Promise.all(Array.from({ length: 5 }, () => ensureCertificates(client, CERTIFICATE_OPTIONS)));
  assert.equal(new Set(sets.map(({ certPem }) => certPem)).size, 1);
  assert.equal(new Set(sets.map(({ caBundle }) => caBundle)).size, 1);
}

async function freezes({ client, options }: Scene): Promise<void> {
  const certificates = await ensureCertificates(client, CERTIFICATE_OPTIONS);
  await using server = await startProcess(certificates);
  const url = `https://127.0.0.1:${server.port}`;
  await ensureConfigurations(client, options({ caBundle: certificates.caBundle, observe: { url } }));
  let attempt = 0;
  const write = () => client.create(CONFIG_MAPS, configMap(OBSERVED, `frozen-${attempt++}`));
  await waitFor("hints from the process", async () => {
    await write();
    return server.lines.some((line) => line.includes("frozen-"));
  }, { deadlineMs: 20_000 });
  await freeze(server.child.pid);
  for (let round = 0; round < 5; round++) {
    const beganMs = performance.now();
    await write();
    const tookMs = performance.now() - beganMs;
    assert.ok(tookMs > 900 && tookMs < 1_500, `a write took ${tookMs} ms`);
  }
  server.child.kill("SIGCONT");
  await waitFor("hints again", async () => {
    const made = await write();
    return await seesLine(server.lines, made.metadata.name);
  }, { deadlineMs: 20_000 });
}

async function seesLine(lines: readonly string[], text: string): Promise<boolean> {
  return await waitFor(text, () => lines.some((line) => line.includes(text)), { deadlineMs: 500, pollMs: 10 })
    .catch(() => false);
}

/** The server in a process with no permission but to listen and to read its own sources. */
async function startProcess({ certPem, keyPem }: WebhookProcessOptions) {
  const program = fileURLToPath(new URL("webhook_process.ts", import.meta.url));
  const sources = fileURLToPath(new URL("../../", import.meta.url));
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--allow-net=127.0.0.1:0",
      `--allow-read=${sources}`,
      program,
      JSON.stringify({ certPem, keyPem }),
    ],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines: string[] = [];
  const reading = readLines(child.stdout, lines);
  const end = async () => {
    try {
      child.kill("SIGKILL");
    } catch {
      // it ended by itself
    }
    await Promise.all([child.status, reading]);
  };
  try {
    let ended = false;
    void child.status.then(() => ended = true);
    const port = await waitFor("the port of the process", () => {
      if (ended) return -1;
      const line = lines.find((text) => text.includes('"port"'));
      return line === undefined ? undefined : (JSON.parse(line) as { port: number }).port;
    }, { deadlineMs: 30_000 });
    return { child, lines, port, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

async function readLines(stream: ReadableStream<Uint8Array>, lines: string[]): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)) {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts);
  }
}

function firstCertificate(bundle: string): string {
  return bundle.slice(0, bundle.indexOf("-----END"));
}
