import assert from "node:assert/strict";
import { stringify } from "yaml";
import fc from "fast-check";
import { ConfigError, inClusterConfig, parseInlineKubeconfig } from "./config.ts";

const pem = (label: string) => `-----BEGIN ${label}-----\nSECRETBYTES\n-----END ${label}-----\n`;
const certificate = btoa(pem("CERTIFICATE"));
const key = btoa(pem("PRIVATE KEY"));
const goodCluster = { "server": "https://example:6443", "certificate-authority-data": certificate };
const goodUser: Record<string, unknown> = { token: "SECRETTOKEN" };

function kubeconfig(cluster: unknown = goodCluster, user: unknown = goodUser, more: Record<string, unknown> = {}) {
  return stringify({
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "b",
    "contexts": [{ name: "a", context: { cluster: "x", user: "x" } }, {
      name: "b",
      context: { cluster: "c", user: "u" },
    }],
    "clusters": [{ name: "other", cluster: {} }, { name: "c", cluster }],
    "users": [{ name: "u", user }],
    ...more,
  });
}

function refusal(yamlText: string): ConfigError {
  try {
    parseInlineKubeconfig(yamlText);
  } catch (error) {
    assert.ok(error instanceof ConfigError, `${error}`);
    assert.ok(!`${error.message}${error.stack}${error.cause}`.includes("SECRET"), `tells a secret: ${error.message}`);
    return error;
  }
  throw new Error("accepted");
}

Deno.test("a token or a client certificate, inline, is accepted", () => {
  assert.deepEqual(parseInlineKubeconfig(kubeconfig()), {
    server: "https://example:6443",
    caPem: pem("CERTIFICATE"),
    credential: { kind: "token", token: "SECRETTOKEN" },
  });
  const user = { "client-certificate-data": certificate, "client-key-data": key, "token": "" };
  assert.deepEqual(parseInlineKubeconfig(kubeconfig(goodCluster, user)).credential, {
    kind: "certificate",
    certPem: pem("CERTIFICATE"),
    keyPem: pem("PRIVATE KEY"),
  });
  const json = JSON.stringify({ "server": "https://host/k8s/clusters/c-1/", "tls-server-name": "", "extensions": [] });
  const address = parseInlineKubeconfig(kubeconfig(JSON.parse(json)));
  assert.equal(address.server, "https://host/k8s/clusters/c-1");
  assert.equal(address.caPem, undefined);
});

Deno.test("what runs code, reads files or weakens the connection is refused by name", () => {
  const users: Record<string, unknown> = {
    "exec": { command: "SECRET" },
    "auth-provider": { name: "SECRET" },
    "tokenFile": "/SECRET",
    "client-certificate": "/SECRET",
    "client-key": "/SECRET",
    "username": "SECRET",
    "password": "SECRET",
    "as": "SECRET",
    "as-uid": "SECRET",
    "as-groups": ["SECRET"],
    "as-user-extra": { a: ["SECRET"] },
  };
  for (const [field, value] of Object.entries(users)) {
    const error = refusal(kubeconfig(goodCluster, { ...goodUser, [field]: value }));
    assert.deepEqual([error.reason, error.field], ["Refused", `users[0].user.${field}`]);
    assert.match(error.message, /^Cannot use the kubeconfig: users\[0\]\.user\.\S+ \(a \w+\) is refused, .+; \w+ /);
  }
  const clusters = {
    "certificate-authority": "/SECRET",
    "insecure-skip-tls-verify": true,
    "tls-server-name": "SECRET",
    "proxy-url": "http://SECRET",
  };
  for (const [field, value] of Object.entries(clusters)) {
    const error = refusal(kubeconfig({ ...goodCluster, [field]: value }));
    assert.deepEqual([error.reason, error.field], ["Refused", `clusters[1].cluster.${field}`]);
  }
});

Deno.test("other faults name the field and what to do", () => {
  const withUser = (user: unknown) => kubeconfig(goodCluster, user);
  const withServer = (server: unknown) => kubeconfig({ ...goodCluster, server });
  const cases: [string, string, string, RegExp][] = [
    ["{ SECRET", "Unreadable", "", /not YAML/],
    ["SECRET", "Unreadable", "", /a string instead of a mapping/],
    ["", "Unreadable", "", /nothing instead of a mapping/],
    ["a: 1", "Missing", "current-context", /name the context/],
    [kubeconfig(goodCluster, goodUser, { "current-context": "z" }), "Missing", "contexts", /current-context says; add/],
    [kubeconfig(goodCluster, goodUser, { clusters: [] }), "Missing", "clusters", /contexts\[1\]\.context\.cluster/],
    [kubeconfig(goodCluster, goodUser, { users: 7 }), "Missing", "users", /contexts\[1\]\.context\.user/],
    [kubeconfig(null), "Missing", "clusters[1].cluster", /is missing/],
    [kubeconfig({}), "Missing", "clusters[1].cluster.server", /write the address/],
    [withServer("http://SECRET"), "BadValue", "clusters[1].cluster.server", /not https/],
    [withServer("SECRET:6443"), "BadValue", "clusters[1].cluster.server", /not https/],
    [withServer("no address"), "BadValue", "clusters[1].cluster.server", /no address/],
    [withServer(["SECRET"]), "BadValue", "clusters[1].cluster.server", /is a list/],
    [withServer("https://a:SECRET@host"), "BadValue", "clusters[1].cluster.server", /login/],
    [withServer("https://host/?SECRET"), "BadValue", "clusters[1].cluster.server", /query/],
    [withUser({}), "Missing", "users[0].user", /no credential; add token/],
    [withUser({ token: "SECRET\ntwo" }), "BadValue", "users[0].user.token", /one line/],
    [withUser({ token: 5 }), "BadValue", "users[0].user.token", /a number; write a string/],
    [withUser({ "token": "SECRET", "client-key-data": key }), "BadValue", "users[0].user", /keep one/],
    [withUser({ "client-key-data": key }), "Missing", "users[0].user.client-certificate-data", /belongs to the key/],
    [withUser({ "client-certificate-data": certificate }), "Missing", "users[0].user.client-key-data", /belongs to/],
    [withUser({ "client-key-data": "%SECRET" }), "BadValue", "users[0].user.client-key-data", /not base64/],
    [withUser({ "client-key-data": certificate }), "BadValue", "users[0].user.client-key-data", /not the PEM/],
    [
      withUser({ "client-key-data": btoa(pem("ENCRYPTED PRIVATE KEY")) }),
      "BadValue",
      "users[0].user.client-key-data",
      /decrypt it/,
    ],
    [withUser({ ...goodUser, magic: "SECRET" }), "UnknownField", "users[0].user.magic", /not a known field; remove/],
  ];
  for (const [text, reason, field, words] of cases) {
    const error = refusal(text);
    assert.deepEqual([error.reason, error.field], [reason, field], error.message);
    assert.match(error.message, words);
  }
});

Deno.test("whatever the text, the answer is an address or a ConfigError", () => {
  const anything = fc.oneof(fc.string(), fc.json(), fc.object().map((object) => stringify(object)));
  fc.assert(fc.property(anything, fc.string(), (text, value) => {
    for (const yamlText of [text, kubeconfig({ server: value }, { token: value })]) {
      try {
        assert.ok(parseInlineKubeconfig(yamlText).server.startsWith("https://"));
      } catch (error) {
        assert.ok(error instanceof ConfigError, `${error}`);
      }
    }
  }));
});

Deno.test("a pod finds its API server, and reads its token each time it is asked", async () => {
  let token = "one";
  const files = new Map([["ca.crt", () => pem("CERTIFICATE")], ["token", () => token]]);
  const readFile = (path: string) => {
    const content = files.get(path.split("/").at(-1) ?? "");
    return content === undefined ? Promise.reject(new Error("no such file")) : Promise.resolve(content());
  };
  const env = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" };
  const address = await inClusterConfig({ env, readFile });
  assert.equal(address.server, "https://[fd00::1]:443");
  assert.equal(address.caPem, pem("CERTIFICATE"));
  token = "two";
  assert.ok(address.credential.kind === "tokenFile");
  assert.equal(await address.credential.read(), "two");
  const noPod = { name: "ConfigError", field: "KUBERNETES_SERVICE_HOST" };
  await assert.rejects(inClusterConfig({ env: {}, readFile }), noPod);
  files.delete("token");
  await assert.rejects(inClusterConfig({ env, readFile }), { name: "ConfigError", reason: "Missing" });
});
