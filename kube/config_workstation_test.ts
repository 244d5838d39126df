import assert from "node:assert/strict";
import { stringify } from "yaml";
import { ConfigError } from "./config.ts";
import { workstationConfig } from "./config_workstation.ts";

const CA = "-----BEGIN CERTIFICATE-----\nQ0E=\n-----END CERTIFICATE-----\n";
const CERT = "-----BEGIN CERTIFICATE-----\nQ0VSVA==\n-----END CERTIFICATE-----\n";
const KEY = "-----BEGIN PRIVATE KEY-----\nS0VZ\n-----END PRIVATE KEY-----\n";

type Fields = Record<string, unknown>;

function kubeconfig(cluster: Fields, user: Fields, name = "prod", current: string | undefined = name): string {
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": current,
    contexts: [{ name, context: { cluster: name, user: name } }],
    clusters: [{ name, cluster: { server: `https://${name}.example.com:6443`, ...cluster } }],
    users: [{ name, user }],
  });
}

function at(
  files: Record<string, string>,
  env: Record<string, string> = {},
  flags: { path?: string; context?: string } = {},
) {
  return workstationConfig({
    ...flags,
    env: { HOME: "/home/ann", ...env },
    readFile: (path) => {
      const text = files[path];
      return text === undefined ? Promise.reject(new Deno.errors.NotFound(`no ${path}`)) : Promise.resolve(text);
    },
  });
}

function refusal(field: string, ...words: RegExp[]) {
  return (error: unknown) => {
    assert.ok(error instanceof ConfigError, String(error));
    assert.equal(error.field, field);
    for (const word of words) assert.match(error.message, word);
    return true;
  };
}

Deno.test("inline credentials in ~/.kube/config", async () => {
  const address = await at({ "/home/ann/.kube/config": kubeconfig({}, { token: "abc" }) });
  assert.deepEqual(address, { server: "https://prod.example.com:6443", credential: { kind: "token", token: "abc" } });
});

Deno.test("files are read beside the kubeconfig that names them, or at an absolute path", async () => {
  const files = {
    "/clusters/kube/config": kubeconfig({ "certificate-authority": "pki/ca.crt" }, {
      "client-certificate": "/etc/pki/ann.crt",
      "client-key": "../ann.key",
    }),
    "/clusters/kube/pki/ca.crt": CA,
    "/etc/pki/ann.crt": CERT,
    "/clusters/ann.key": KEY,
  };
  assert.deepEqual(await at(files, { KUBECONFIG: "/clusters/kube/config" }), {
    server: "https://prod.example.com:6443",
    caPem: CA,
    credential: { kind: "certificate", certPem: CERT, keyPem: KEY },
  });
});

Deno.test("as in kubectl, inline data goes before its file and a token file before its token", async () => {
  const files = {
    "/k": kubeconfig({ "certificate-authority-data": btoa(CA), "certificate-authority": "gone" }, {
      token: "old",
      tokenFile: "token",
    }),
    "/token": "new\n",
  };
  const { caPem, credential } = await at(files, {}, { path: "/k" });
  assert.equal(caPem, CA);
  assert.deepEqual(credential, { kind: "token", token: "new" });
});

Deno.test("of several files the first to name an entry wins, and those that are not there are left out", async () => {
  const files = {
    "/a": kubeconfig({}, { token: "a" }),
    "/b": kubeconfig({}, { token: "b" }, "prod", "test"),
    "/c": kubeconfig({}, { token: "c" }, "test"),
  };
  const env = { KUBECONFIG: "/gone:/a:/b:/c" };
  assert.deepEqual((await at(files, env)).credential, { kind: "token", token: "a" });
  assert.equal((await at(files, env, { context: "test" })).server, "https://test.example.com:6443");
  assert.deepEqual((await at(files, env, { path: "/c" })).credential, { kind: "token", token: "c" });
});

Deno.test("a login program is refused by name, with what to do instead", async () => {
  for (const login of ["exec", "auth-provider"]) {
    const files = { "/k": kubeconfig({}, { [login]: { command: "aws-hunter2" } }) };
    const told = refusal(`users[0].user.${login}`, /is refused/, /kubectl create token/);
    await assert.rejects(at(files, {}, { path: "/k" }), (error: Error) => {
      assert.doesNotMatch(error.message, /hunter2/);
      return told(error);
    });
  }
});

Deno.test("a login program of another context is nobody's business", async () => {
  const files = { "/a": kubeconfig({}, { token: "a" }), "/b": kubeconfig({}, { exec: { command: "x" } }, "eks") };
  assert.deepEqual((await at(files, { KUBECONFIG: "/a:/b" })).credential, { kind: "token", token: "a" });
});

Deno.test("what is missing is named: the kubeconfig, a file of it, the context", async () => {
  await assert.rejects(at({}), refusal("KUBECONFIG", /\/home\/ann\/\.kube\/config/, /--kubeconfig/));
  const files = { "/k": kubeconfig({ "certificate-authority": "ca.crt" }, { token: "a" }) };
  await assert.rejects(
    at(files, {}, { path: "/k" }),
    refusal("cluster.certificate-authority", /cannot read \/ca\.crt/),
  );
  await assert.rejects(at(files, {}, { path: "/k", context: "west" }), refusal("contexts", /has no entry/));
});
