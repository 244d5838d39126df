/**
 * Kubeconfigs the controller accepts: everything inline.
 *
 * @module
 */
import { parse } from "yaml";
import { type ClusterAddress, ConfigError, type ConfigErrorReason, type Credential } from "./address.ts";
import {
  CLUSTER_FIELDS,
  type Refusal,
  REFUSED_CLUSTER_FIELDS,
  REFUSED_USER_FIELDS,
  saysNothing,
  USER_FIELDS,
  valueKind,
} from "./config_fields.ts";

export { type ClusterAddress, ConfigError, type ConfigErrorReason, type Credential } from "./address.ts";
/** The address a pod finds its own API server at. */
export { inClusterConfig } from "./config_in_cluster.ts";

/** A mapping of a kubeconfig. */
export type KubeconfigFields = Readonly<Record<string, unknown>>;
type Fields = KubeconfigFields;

/**
 * Reads a kubeconfig whose current context names one cluster and one user with everything inline: CA, and a token or a
 * client certificate. Forms that run code, read files or weaken the connection are refused by name.
 * Throws ConfigError; its message names field, kind of value and remedy, and holds no value.
 */
export function parseInlineKubeconfig(yamlText: string): ClusterAddress {
  return addressOfKubeconfig(readKubeconfig(yamlText));
}

/** The same for a kubeconfig that was parsed already. Throws ConfigError. */
export function addressOfKubeconfig(root: KubeconfigFields): ClusterAddress {
  const contextName = requireText(root["current-context"], "current-context", "name the context to use");
  const context = findNamed(root, "contexts", "context", contextName, "current-context");
  const clusterName = requireText(context.fields.cluster, `${context.path}.cluster`, "name a cluster");
  const userName = requireText(context.fields.user, `${context.path}.user`, "name a user");
  const cluster = findNamed(root, "clusters", "cluster", clusterName, `${context.path}.cluster`);
  const user = findNamed(root, "users", "user", userName, `${context.path}.user`);
  checkFields(cluster, CLUSTER_FIELDS, REFUSED_CLUSTER_FIELDS);
  checkFields(user, USER_FIELDS, REFUSED_USER_FIELDS);
  const server = readServer(cluster.fields.server, `${cluster.path}.server`);
  const caPem = readPem(cluster, "certificate-authority-data", /-----BEGIN (TRUSTED )?CERTIFICATE-----/);
  return { server, ...(caPem === undefined ? {} : { caPem }), credential: readCredential(user) };
}

interface Entry {
  /** Path of the entry in the file, for messages. */
  readonly path: string;
  readonly fields: Fields;
}

/** The mapping that a kubeconfig is. Throws ConfigError Unreadable, which quotes nothing of the text. */
export function readKubeconfig(yamlText: string): KubeconfigFields {
  let root: unknown;
  try {
    root = parse(yamlText, { logLevel: "error" });
  } catch {
    // The parser's own words quote the lines around the fault.
    throw new ConfigError("Unreadable", "", "Cannot read the kubeconfig: it is not YAML");
  }
  if (isFields(root)) return root;
  throw new ConfigError("Unreadable", "", `Cannot read the kubeconfig: it is ${valueKind(root)} instead of a mapping`);
}

/** The entry of a list of `{name, <inner>: {…}}` with this name, whose name was given at `from`. */
function findNamed(root: Fields, list: string, inner: string, name: string, from: string): Entry {
  const all = root[list];
  const entries: readonly unknown[] = Array.isArray(all) ? all : [];
  const index = entries.findIndex((entry) => isFields(entry) && entry.name === name);
  const entry = entries[index];
  const path = `${list}[${index}].${inner}`;
  if (isFields(entry) && isFields(entry[inner])) return { path, fields: entry[inner] };
  const missing = index < 0 ? `${list} has no entry of the name that ${from} says` : `${path} is missing`;
  throw new ConfigError("Missing", index < 0 ? list : path, `Cannot use the kubeconfig: ${missing}; add it`);
}

function checkFields(entry: Entry, known: readonly string[], refused: Readonly<Record<string, Refusal>>): void {
  for (const [name, value] of Object.entries(entry.fields)) {
    if (known.includes(name) || saysNothing(value)) continue;
    const field = `${entry.path}.${name}`;
    const refusal = Object.hasOwn(refused, name) ? refused[name] : undefined;
    if (refusal === undefined) {
      const message = `Cannot use the kubeconfig: ${field} (${valueKind(value)}) is not a known field; remove it`;
      throw new ConfigError("UnknownField", field, message);
    }
    const message = `Cannot use the kubeconfig: ${field} (${valueKind(value)}) is refused, ${refusal.why}; ` +
      `${refusal.remedy}`;
    throw new ConfigError("Refused", field, message);
  }
}

/** Reads an https address without credentials, query or fragment; a path stays (clusters behind a gateway). */
function readServer(value: unknown, field: string): string {
  const text = requireText(value, field, "write the address of the API server, https://host:port");
  const refuse = (why: string, remedy: string) =>
    new ConfigError("BadValue", field, `Cannot use the kubeconfig: ${field} ${why}; ${remedy}`);
  if (!URL.canParse(text)) throw refuse("is a string that is no address", "write https://host:port");
  const url = new URL(text);
  if (url.protocol !== "https:") throw refuse("is an address that is not https", "write https://host:port");
  if (url.username !== "" || url.password !== "") throw refuse("holds a login", "put the credential into the user");
  if (url.search !== "" || url.hash !== "") throw refuse("holds a query or fragment", "write https://host:port");
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "");
}

function readCredential(user: Entry): Credential {
  const token = optionalText(user, "token");
  const certPem = readPem(user, "client-certificate-data", /-----BEGIN (TRUSTED )?CERTIFICATE-----/);
  const keyPem = readPem(user, "client-key-data", /-----BEGIN (RSA |EC )?PRIVATE KEY-----/);
  const fail = (reason: ConfigErrorReason, name: string, what: string) =>
    new ConfigError(reason, `${user.path}${name}`, `Cannot use the kubeconfig: ${user.path}${name} ${what}`);
  if (token !== undefined) {
    if (certPem !== undefined || keyPem !== undefined) {
      throw fail("BadValue", "", "has both a token and a client certificate; keep one");
    }
    if (!isToken(token)) throw fail("BadValue", ".token", "is a string that is no token; write it in one line");
    return { kind: "token", token: token.trim() };
  }
  if (certPem === undefined && keyPem === undefined) {
    throw fail("Missing", "", "has no credential; add token, or client-certificate-data and client-key-data");
  }
  if (certPem === undefined) throw fail("Missing", ".client-certificate-data", "is missing; it belongs to the key");
  if (keyPem === undefined) throw fail("Missing", ".client-key-data", "is missing; it belongs to the certificate");
  return { kind: "certificate", certPem, keyPem };
}

/** Decodes base64 that holds PEM; undefined when the field says nothing. */
function readPem(entry: Entry, name: string, marker: RegExp): string | undefined {
  const base64 = optionalText(entry, name);
  if (base64 === undefined) return undefined;
  const pem = decodeBase64(base64.replace(/\s+/g, ""));
  if (pem !== undefined && marker.test(pem)) return pem;
  const field = `${entry.path}.${name}`;
  const found = pem === undefined
    ? "a string that is not base64"
    : "base64 of something that is not the PEM it must be";
  const hint = pem !== undefined && /ENCRYPTED/.test(pem) ? "; it is encrypted, decrypt it" : "; encode the PEM file";
  throw new ConfigError("BadValue", field, `Cannot use the kubeconfig: ${field} is ${found}${hint}`);
}

function decodeBase64(text: string): string | undefined {
  try {
    return atob(text);
  } catch {
    return undefined;
  }
}

function requireText(value: unknown, field: string, remedy: string): string {
  if (typeof value === "string" && value.trim() !== "") return value.trim();
  const [reason, found] = saysNothing(value)
    ? ["Missing" as const, "missing"]
    : ["BadValue" as const, valueKind(value)];
  throw new ConfigError(reason, field, `Cannot use the kubeconfig: ${field} is ${found}; ${remedy}`);
}

function optionalText(entry: Entry, name: string): string | undefined {
  const value = entry.fields[name];
  if (saysNothing(value)) return undefined;
  if (typeof value === "string") return value;
  const field = `${entry.path}.${name}`;
  throw new ConfigError(
    "BadValue",
    field,
    `Cannot use the kubeconfig: ${field} is ${valueKind(value)}; write a string`,
  );
}

function isToken(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text.trim());
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
