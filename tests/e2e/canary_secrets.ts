/**
 * Secrets of every sort, full of canaries, and kubeconfigs that cannot be used.
 *
 * @module
 */
import { parse } from "yaml";
import type { Cluster } from "../rig/cluster.ts";
import type { Canaries } from "./canaries.ts";

/** A Secret of the tests. */
export function secret(namespace: string, name: string, content: object, metadata: object = {}): object {
  return { apiVersion: "v1", kind: "Secret", metadata: { name, namespace, ...metadata }, ...content };
}

/** One Secret of each type, with values that were nowhere before. */
export function secretsOfEveryType(canaries: Canaries, namespace: string, when: string): object[] {
  const one = (name: string, content: object, metadata: object = {}) => secret(namespace, name, content, metadata);
  const text = (what: string) => canaries.text(`${what}, ${when}`);
  const word = (what: string) => canaries.word(`${what}, ${when}`);
  const registry = { auth: btoa(`user:${word("auth of a registry")}`), password: text("password of a registry") };
  const account = { annotations: { "kubernetes.io/service-account.name": "app" } };
  return [
    one("opaque", { stringData: { password: text("opaque password"), pin: word("opaque pin") } }),
    one("binary", { data: { blob: canaries.bytes(`binary, ${when}`) } }),
    one("tls", { type: "kubernetes.io/tls", stringData: { "tls.crt": text("tls.crt"), "tls.key": text("tls.key") } }),
    one("registry", {
      type: "kubernetes.io/dockerconfigjson",
      stringData: { ".dockerconfigjson": JSON.stringify({ auths: { "registry.example.com": registry } }) },
    }),
    one("basic", {
      type: "kubernetes.io/basic-auth",
      stringData: { username: word("username"), password: text("basic password") },
    }),
    one("ssh", { type: "kubernetes.io/ssh-auth", stringData: { "ssh-privatekey": text("ssh key") } }),
    one("account", { type: "kubernetes.io/service-account-token", stringData: { token: word("token") } }, account),
    one("other", { type: "example.com/other", stringData: { value: text("value of an own type") } }),
  ];
}

/** Kubeconfigs that cannot be used, each for a reason of its own, by name. `good` is one of the cluster. */
export function badKubeconfigs(canaries: Canaries, good: string, { server }: Cluster): Record<string, string> {
  const { clusters, users, contexts, ...root } = parse(good);
  const build = (user: object, cluster: object = {}) =>
    JSON.stringify({
      ...root,
      contexts,
      clusters: [{ ...clusters[0], cluster: { ...clusters[0].cluster, ...cluster } }],
      users: [{ ...users[0], user }],
    });
  const word = (what: string) => canaries.word(`kubeconfig: ${what}`);
  const token = { token: word("token") };
  const pem = (label: string, what: string) =>
    btoa(`-----BEGIN ${label}-----\n${btoa(canaries.text(what))}\n-----END ${label}-----\n`);
  const env = [{ name: "PASSWORD", value: word("env of exec") }];
  const withPath = server.replace("https://", `https://admin:${word("password in the address")}@`);
  return {
    "no-yaml": `users: [{ user: { token: ${word("what is no YAML")}\n  : }`,
    "no-mapping": word("what is no mapping"),
    "exec": build({ exec: { command: word("command"), args: [word("argument of exec")], env } }),
    "password": build({ username: "admin", password: word("password") }),
    "two-lines": build({ token: `${word("first line")}\n${word("second line")}` }),
    "no-pem": build({ "client-certificate-data": btoa(word("cert")), "client-key-data": btoa(word("key")) }),
    "no-key": build({
      "client-certificate-data": pem("CERTIFICATE", "what is no certificate"),
      "client-key-data": pem("PRIVATE KEY", "what is no key"),
    }),
    "no-ca": build(token, { "certificate-authority-data": pem("CERTIFICATE", "what is no CA") }),
    "login": build(token, { server: withPath }),
    "unknown": build({ ...token, nickname: word("unknown field") }),
    "expired": build({ token: word("token that is refused") }),
    "away": build({ token: word("token for nobody") }, { server: "https://127.0.0.1:1" }),
  };
}
