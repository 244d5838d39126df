/**
 * Nothing of a Secret is told: canaries go through everything that can go wrong, then everything that the processes have said and
 * written is searched for them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { parse } from "yaml";
import { runVerb } from "../program.ts";
import type { Cluster } from "../rig/cluster.ts";
import { connectDr } from "../rig/install.ts";
import { waitFor } from "../wait.ts";
import { CONTROL } from "./api.ts";
import { Canaries, formsOf } from "./canaries.ts";
import { badKubeconfigs, secret, secretsOfEveryType } from "./canary_secrets.ts";
import { startDenying } from "./denying_webhook.ts";
import { failure, forbid, status } from "./refusals.ts";
import { DELETE_FREELY } from "./scenario.ts";
import { type Printed, type Scene, startScene } from "./scene.ts";
import { connect } from "./webhook_scene.ts";

const DEADLINE_MS = 60_000;

/** A scene, its canaries, and what verbs have printed. */
interface Aviary {
  readonly scene: Scene;
  readonly canaries: Canaries;
  readonly printed: [string, string][];
}

Deno.test("nothing of a Secret is told, whatever goes wrong", async (t) => {
  await t.step("a canary is found in every form, and half of it", findsEveryForm);
  await using scene = await startScene();
  const aviary: Aviary = { scene, canaries: new Canaries(), printed: [] };
  await knowOwnKeys(aviary);
  await t.step("created, changed, fixed, made anew, and changed in DR by a person", () => livesOf(aviary));
  await t.step("in the way, and adopted", () => inTheWay(aviary));
  await t.step("denied by a webhook, and by a policy that quotes it", () => denied(aviary));
  await t.step("refused by the API server, which quotes it", () => refused(aviary));
  await t.step("deletes are held", () => held(aviary));
  await t.step("kubeconfigs that cannot be used", () => kubeconfigs(aviary));
  await t.step("a new process meets all of it", () => restarts(aviary));
  await t.step("plan and convert", () => verbs(aviary));
  await t.step("nothing of it is in anything that was said or written", () => search(aviary));
});

function findsEveryForm(): void {
  const canaries = new Canaries();
  for (const value of [canaries.word("word"), canaries.text("text")]) {
    for (const [form, text] of formsOf(Buffer.from(value))) {
      assert.ok(canaries.leaksIn(`message: ${text}.`).length > 0, `${value} as ${form}`);
      assert.ok(
        canaries.leaksIn(`message: ${text.slice(0, text.length / 2)}…`).length > 0,
        `half of ${value} as ${form}`,
      );
    }
    const within = Buffer.from(`{"longer":"${value}"}`).toString("base64");
    assert.ok(canaries.leaksIn(within).length > 0, `${value} within base64`);
  }
  assert.ok(canaries.leaksIn(`[${[...Buffer.from(canaries.bytes("bytes"), "base64")].join(" ")}]`).length > 0, "bytes");
  assert.deepEqual(canaries.leaksIn("nothing"), []);
}

/** What the controller itself is trusted with: keys, certificates' keys and tokens in the control namespace. */
async function knowOwnKeys({ scene, canaries }: Aviary): Promise<void> {
  const own = await Deno.readTextFile(scene.kubeconfigPath);
  canaries.add("the controller's token", parse(own).users[0].user.token);
  let keys = 0;
  for (const { metadata, data = {} } of await scene.list(scene.source, "secrets", CONTROL)) {
    for (const [key, base64] of Object.entries(data as Record<string, string>)) {
      const value = atob(base64);
      if (key === "kubeconfig") canaries.add("the DR token", parse(value).users[0].user.token);
      if (!value.includes("PRIVATE KEY")) continue;
      keys++;
      // The rest of a key file (PKCS #8) is the public key, or the same in all of them.
      const lines = value.split("\n").slice(1, -2);
      const secret = Buffer.from(lines.join(""), "base64").subarray(36, 68);
      canaries.addBytes(`${metadata.name} ${key}`, secret);
      canaries.add(`${metadata.name} ${key}, a line`, lines[1]?.slice(0, 24) ?? "");
    }
  }
  assert.ok(keys > 0, "private keys of the webhook");
}

async function livesOf({ scene, canaries }: Aviary): Promise<void> {
  const namespace = "lives";
  await scene.replicate(namespace, { deletion: DELETE_FREELY, driftPolicy: "Correct" });
  await scene.apply(secretsOfEveryType(canaries, namespace, "created"));
  await untilSecretsEqual(scene, namespace, 8);
  await scene.apply(secretsOfEveryType(canaries, namespace, "changed"));
  await untilSecretsEqual(scene, namespace, 8);
  // A person edits a copy; it is corrected.
  await scene.apply([secret(namespace, "basic", { stringData: { password: canaries.text("edit in DR") } })], scene.dr);
  await untilSecretsEqual(scene, namespace, 8);
  // Made anew, of another type, and fixed for ever.
  await scene.source.kubectl(["delete", "secret", "other", "opaque", "-n", namespace]);
  await scene.apply([
    secret(namespace, "other", { type: "example.com/new", stringData: { value: canaries.text("made anew") } }),
    secret(namespace, "opaque", { immutable: true, stringData: { value: canaries.text("fixed") } }),
  ]);
  await untilSecretsEqual(scene, namespace, 8);
  // A person fixes the copy: then it cannot follow.
  await scene.dr.kubectl(["patch", "secret", "ssh", "-n", namespace, "--type=merge", "-p", '{"immutable":true}']);
  const next = { type: "kubernetes.io/ssh-auth", stringData: { "ssh-privatekey": canaries.text("cannot follow") } };
  await scene.apply([secret(namespace, "ssh", next)]);
  assert.equal((await failure(scene, namespace, "Secret", "ssh")).class, "Immutable");
  const drifted = "drifted";
  await scene.replicate(drifted, { driftPolicy: "Report" });
  await scene.apply([secret(drifted, "one", { stringData: { value: canaries.text("reported drift") } })]);
  await untilSecretsEqual(scene, drifted, 1);
  await scene.apply([secret(drifted, "one", { stringData: { value: canaries.text("drift") } })], scene.dr);
  await status(scene, drifted, ({ syncStats }) => syncStats.drifted === 1);
}

/** Waits until the data of every copy, tokens of accounts aside, is that of its source. */
async function untilSecretsEqual({ source, dr, list }: Scene, namespace: string, count: number): Promise<void> {
  const data = async (cluster: Cluster) =>
    (await list(cluster, "secrets", namespace)).map(({ metadata, type, data, immutable }: Printed) => {
      const isToken = type === "kubernetes.io/service-account-token";
      return [metadata.name, type, isToken ? undefined : data, immutable];
    });
  await waitFor(`${count} Secrets of ${namespace} in DR`, async () => {
    const [theirs, copies] = await Promise.all([data(source), data(dr)]);
    return copies.length === count && JSON.stringify(theirs) === JSON.stringify(copies);
  }, { deadlineMs: DEADLINE_MS });
}

async function inTheWay({ scene, canaries }: Aviary): Promise<void> {
  const namespace = "taken";
  const one = (where: string) => secret(namespace, "one", { stringData: { value: canaries.text(where) } });
  const foreign = { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } };
  await scene.apply([foreign, one("a foreign Secret in the way")], scene.dr);
  await scene.replicate(namespace);
  await scene.apply([one("a source that finds its place taken")]);
  assert.equal((await failure(scene, namespace, "Secret", "one")).class, "Conflict");
  const patch = JSON.stringify({ spec: { conflictPolicy: "Adopt" } });
  await scene.source.kubectl(["patch", "replication", namespace, "-n", CONTROL, "--type=merge", "-p", patch]);
  await untilSecretsEqual(scene, namespace, 1);
}

async function denied({ scene, canaries }: Aviary): Promise<void> {
  const create = async (namespace: string) => {
    const one = (name: string, denied: string) =>
      secret(namespace, name, { stringData: { value: canaries.text(`denied in ${namespace}`) } }, {
        labels: { denied },
      });
    await scene.apply([one("forbidden", "403"), one("conflict", "409"), one("invalid", "422")]);
    for (const name of ["forbidden", "conflict", "invalid"]) {
      assert.equal((await failure(scene, namespace, "Secret", name)).class, "Denied");
    }
  };
  await scene.replicate("hooked");
  await scene.condition("hooked", "Synced", "True");
  await using _denying = await startDenying(scene.dr, ["hooked"]);
  await create("hooked");
  await forbid(scene, "'the value is ' + (has(object.data) ? object.data.map(k, object.data[k]).join(', ') : '')");
  // The server does quote it: else nothing would be proven here.
  const probe = secret("default", "probe", { data: { value: btoa("a probe") } }, { labels: { denied: "yes" } });
  const args = ["create", "--dry-run=server", "-f", "-"];
  const { stderr } = await scene.dr.kubectl(args, { stdin: JSON.stringify(probe), allowFailure: true });
  assert.ok(stderr.includes(`the value is ${btoa("a probe")}`), stderr);
  await scene.replicate("judged");
  await create("judged");
}

/** Overrides that bring a value to where the API server quotes what it does not like. */
const MISPLACED: Readonly<Record<string, { readonly class: string; readonly jsonPatch: object[] }>> = {
  "a-label": { class: "Invalid", jsonPatch: [copyOf("/data/value", "/metadata/labels/leak")] },
  "a-boolean": { class: "Invalid", jsonPatch: [copyOf("/data/value", "/immutable")] },
  "a-map": { class: "Invalid", jsonPatch: [copyOf("/data", "/data/all")] },
  "an-unknown-field": { class: "", jsonPatch: [copyOf("/data", "/extra")] },
  "a-key": { class: "Invalid", jsonPatch: [copyOf("/data/value", "/data/no key")] },
  "a-test": { class: "Invalid", jsonPatch: [{ op: "test", path: "/data/value", value: "something else" }] },
  "too-large": {
    class: "Invalid",
    jsonPatch: ["a", "b", "c"].map((name) => copyOf("/data/value", `/data/${name}`)),
  },
};

function copyOf(from: string, path: string): object {
  return { op: "copy", from, path };
}

async function refused({ scene, canaries }: Aviary): Promise<void> {
  const namespace = "misplaced";
  const overrides = ["Secret", "ConfigMap"].flatMap((kind) =>
    Object.entries(MISPLACED).map(([name, { jsonPatch }]) => ({
      name: `${kind.toLowerCase()}-${name}`,
      match: { kind, name },
      jsonPatch,
    }))
  );
  await scene.replicate(namespace, { overrides });
  const names = Object.keys(MISPLACED);
  const value = (kind: string, name: string) => {
    const text = canaries.text(`${kind} ${name}`);
    return name === "too-large" ? text.padEnd(300_000, "x") : text;
  };
  await scene.apply(names.map((name) => secret(namespace, name, { stringData: { value: value("Secret", name) } })));
  await scene.apply(
    names.map((name) => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, namespace },
      data: { value: value("ConfigMap", name) },
    })),
  );
  for (const kind of ["Secret", "ConfigMap"]) {
    for (const [name, { class: expected }] of Object.entries(MISPLACED)) {
      // What DR does not know is left out and reported.
      if (expected === "") continue;
      const found = await failure(scene, namespace, kind, name);
      assert.equal(found.class, expected, `${kind} ${name}: ${found.message}`);
    }
  }
}

async function held({ scene, canaries }: Aviary): Promise<void> {
  const namespace = "held";
  const names = ["a", "b", "c", "d", "e", "f"];
  await scene.replicate(namespace, { deletion: { grace: "0s" } });
  await scene.apply(names.map((name) => secret(namespace, name, { stringData: { value: canaries.text("held") } })));
  await untilSecretsEqual(scene, namespace, names.length);
  await scene.source.kubectl(["delete", "secret", "-n", namespace, ...names]);
  await scene.condition(namespace, "DeletionBlocked", "True", undefined, DEADLINE_MS);
}

async function kubeconfigs({ scene, canaries }: Aviary): Promise<void> {
  const good = await scene.dr.kubeconfigFor({ namespace: CONTROL, serviceAccount: "dr-syncer-dr" });
  canaries.add("another DR token", parse(good).users[0].user.token);
  const bad = badKubeconfigs(canaries, good, scene.dr);
  for (const [name, kubeconfig] of Object.entries(bad)) {
    await connectDr(scene.source, `bad-${name}`, kubeconfig);
    await scene.replicate(`bad-${name}`, { destinationCluster: `bad-${name}` });
  }
  for (const name of Object.keys(bad)) {
    const isRefused = ({ status }: Printed) =>
      status?.conditions?.some(({ type, status }: Printed) =>
        status === "False" && (type === "KubeconfigValid" || type === "Reachable")
      );
    await scene.until(scene.source, "remoteclusters.dr-syncer.io", `bad-${name}`, CONTROL, isRefused, DEADLINE_MS);
  }
  // It worked, and does no more.
  await connectDr(scene.source, "dr", bad.expired as string);
  const isRefused = ({ status }: Printed) => status?.health === "Unhealthy";
  await scene.until(scene.source, "remoteclusters.dr-syncer.io", "dr", CONTROL, isRefused, DEADLINE_MS);
  await connectDr(scene.source, "dr", good);
  const isHealthy = ({ status }: Printed) => status?.health === "Healthy";
  await scene.until(scene.source, "remoteclusters.dr-syncer.io", "dr", CONTROL, isHealthy, DEADLINE_MS);
}

async function restarts({ scene }: Aviary): Promise<void> {
  assert.equal((await scene.controller.stop()).code, 0);
  await scene.startController();
  await scene.until(scene.source, "replications.dr-syncer.io", "misplaced", CONTROL, ({ status }) => {
    return status?.failures?.every(({ attempts }: Printed) => attempts < 3);
  }, DEADLINE_MS);
  await scene.apply([{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "mark", namespace: "misplaced" } }]);
  await scene.until(scene.dr, "configmap", "mark", "misplaced", undefined, DEADLINE_MS);
}

async function verbs({ scene, canaries, printed }: Aviary): Promise<void> {
  const directory = scene.source.directory;
  const run = async (args: string[], stdin?: string, kubeconfig = scene.source.kubeconfigPath) => {
    const result = await runVerb(args, { stdin, env: { KUBECONFIG: kubeconfig } });
    // What is no kind of ours is handed on by `convert` as it was given.
    const shown = args[0] === "convert" ? result.stderr : `${result.stdout}\n${result.stderr}`;
    printed.push([args.join(" "), shown]);
    return result;
  };
  for (const format of ["table", "json", "yaml"]) {
    const { stdout, stderr } = await run(["plan", "-o", format]);
    for (const name of ["misplaced", "judged", "held", "bad-away"]) assert.ok(stdout.includes(name), stderr);
  }
  const broken = join(directory, "broken-kubeconfig");
  await Deno.writeTextFile(broken, `users: [{ user: { token: ${canaries.word("broken kubeconfig")}\n  : }`);
  assert.equal((await run(["plan"], undefined, broken)).code, 1);
  const text = (password: string) =>
    `apiVersion: v1\nkind: Secret\nmetadata: { name: a }\nstringData:\n  p: ${password}\n`;
  for (const verb of ["plan", "convert"]) {
    await run([verb, "-f", "-"], text(canaries.word(`${verb} of a Secret`)));
    await run([verb, "-f", "-"], text(`{ ${canaries.word(`${verb} of what is no YAML`)}\n:`));
    // A password may begin with what means something in YAML.
    await run([verb, "-f", "-"], text(`*${canaries.word(`${verb} of an alias`)}`));
  }
  await run(["convert", "-f", "-"], text(`!${canaries.word("tag")} a`));
  await run(["convert", "-f", "-"], text(`&${canaries.word("anchor")} a`));
  await run(["plan", "-f", "-"], canaries.word("no object"));
}

async function search({ scene, canaries, printed }: Aviary): Promise<void> {
  const { healthUrl } = scene.controller;
  const get = async (path: string): Promise<[string, string]> => [path, await (await fetch(healthUrl + path)).text()];
  const said: [string, string][] = [
    ...printed,
    ["log", scene.controllers.flatMap(({ rawLines }) => rawLines).join("\n")],
    ...await Promise.all(["/metrics", "/healthz", "/healthz?verbose", "/readyz", "/readyz?verbose"].map(get)),
    ...await everyObject(scene.source, ({ metadata, kind }) => kind === "Event" || !isOfUsers(metadata.namespace)),
    ...await everyObject(scene.dr, () => true),
  ];
  assert.ok(said.some(([, text]) => text.includes("cannot mirror")), "the log is among what is searched");
  assert.ok(said.some(([where]) => where.includes("Replication")), "statuses are");
  assert.ok(said.some(([where]) => where.includes("Event")), "Events are");
  const leaks = new Map(
    said.flatMap(([where, text]) => canaries.leaksIn(text).map((leak) => [`${where}: ${leak.canary}`, leak] as const)),
  );
  const told = [...leaks].slice(0, 20).map(([what, { form, excerpt }]) => `${what} (${form}): …${excerpt}…`);
  assert.ok(
    told.length === 0,
    `${leaks.size} leaks; ${canaries.pieces} pieces were searched for:\n${told.join("\n\n")}`,
  );
}

/** Namespaces of the test's users in the source hold what they wrote. */
function isOfUsers(namespace = ""): boolean {
  return ["lives", "drifted", "taken", "hooked", "judged", "misplaced", "held"].includes(namespace);
}

/** Objects of every kind of a cluster as JSON; of Secrets all but their data. What ConfigMaps hold in DR is no secret. */
async function everyObject(cluster: Cluster, wanted: (object: Printed) => boolean): Promise<[string, string][]> {
  const client = connect(cluster.kubeconfig);
  try {
    const { types } = await client.discover();
    const lists = await Promise.all(
      types.filter(({ verbs }) => verbs.includes("list")).map(async (type) => {
        const { items } = await client.list(type);
        return items.map((item): Printed => ({ ...item, kind: type.kind }));
      }),
    );
    return lists.flat().filter(wanted).map((object) => {
      const { data, stringData: _strings, ...rest } = object;
      const { managedFields: _fields, ...metadata } = object.metadata;
      const isBody = object.kind === "Secret" || (object.kind === "ConfigMap" && isOfUsers(metadata.namespace));
      const shown = { ...rest, metadata, ...(isBody ? {} : { data }) };
      return [`${cluster.name} ${object.kind} ${metadata.namespace}/${metadata.name}`, JSON.stringify(shown)];
    });
  } finally {
    client.close();
  }
}
