/**
 * Kubeconfigs of people: one or several files, with credentials inline or in files beside them.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { dirname, isAbsolute, join } from "node:path";
import { type ClusterAddress, ConfigError } from "./address.ts";
import { addressOfKubeconfig, type KubeconfigFields, readKubeconfig } from "./config.ts";
import { saysNothing, valueKind } from "./config_fields.ts";

/** What a workstation's configuration is read from. */
export interface Workstation {
  /** A file named by a flag: it alone counts. */
  readonly path?: string;
  /** A context named by a flag; the file's current one when absent. */
  readonly context?: string;
  /** KUBECONFIG (files in the manner of PATH) and HOME. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Rejects with Deno.errors.NotFound for a file that is not there. */
  readFile(path: string): Promise<string>;
}

/** A list entry of a kubeconfig, `{name, cluster: {…}}`, and the folder its relative paths begin at. */
interface Entry {
  readonly name: string;
  readonly fields: KubeconfigFields;
  readonly folder: string;
}

/** Which entries of a list a field names a file in, and the field that holds the same inline. */
const FILES = {
  cluster: { "certificate-authority": "certificate-authority-data" },
  user: { "client-certificate": "client-certificate-data", "client-key": "client-key-data", "tokenFile": "token" },
} as const;

const LOGINS = ["exec", "auth-provider"] as const;
const LOGIN_REMEDY = "name another user in the context whose token is written down, for example that of " +
  "`kubectl create token NAME --namespace NAMESPACE`, or client-certificate-data and client-key-data";

/**
 * The cluster of the chosen context. Files are merged as kubectl does: the first to name an entry wins. Throws ConfigError
 * for what cannot be used, programs that log in (exec, auth-provider) included; its message holds no value.
 */
export async function workstationConfig(workstation: Workstation): Promise<ClusterAddress> {
  const roots = await readAll(workstation);
  const merged = Object.fromEntries(["clusters", "users", "contexts"].map((list) => [list, merge(roots, list)]));
  const current = workstation.context ??
    roots.map(({ root }) => root["current-context"]).find((name) => typeof name === "string" && name !== "");
  const context = merged.contexts?.find(({ name }) => name === current)?.fields.context;
  const { cluster, user } = isFields(context) ? context : {};
  refuseLogins(merged.users ?? [], user);
  const root = {
    "current-context": current,
    contexts: merged.contexts?.map(({ fields }) => fields),
    clusters: await inlined(merged.clusters ?? [], cluster, "cluster", workstation),
    users: await inlined(merged.users ?? [], user, "user", workstation),
  };
  return addressOfKubeconfig(root);
}

async function readAll({ path, env, readFile }: Workstation): Promise<{ root: KubeconfigFields; folder: string }[]> {
  const listed = (env.KUBECONFIG ?? "").split(":").filter((file) => file !== "");
  const paths = path !== undefined ? [path] : listed.length > 0 ? listed : [join(env.HOME ?? "", ".kube/config")];
  const roots: { root: KubeconfigFields; folder: string }[] = [];
  for (const file of paths) {
    const text = await readFile(file).catch((error: unknown) => {
      if (error instanceof Deno.errors.NotFound) return undefined;
      const why = error instanceof Error ? error.message : "unreadable";
      throw new ConfigError("Missing", file, `Cannot read kubeconfig ${file}: ${why}`, { cause: error });
    });
    if (text !== undefined) roots.push({ root: readKubeconfig(text), folder: dirname(file) });
  }
  if (roots.length > 0) return roots;
  const message = `Cannot find a kubeconfig at ${paths.join(", ")}; name one with --kubeconfig or in KUBECONFIG`;
  throw new ConfigError("Missing", "KUBECONFIG", message);
}

function merge(roots: readonly { root: KubeconfigFields; folder: string }[], list: string): Entry[] {
  const entries = new Map<string, Entry>();
  for (const { root, folder } of roots) {
    const items: readonly unknown[] = Array.isArray(root[list]) ? root[list] : [];
    for (const fields of items) {
      if (!isFields(fields) || typeof fields.name !== "string" || entries.has(fields.name)) continue;
      entries.set(fields.name, { name: fields.name, fields, folder });
    }
  }
  return [...entries.values()];
}

function refuseLogins(users: readonly Entry[], name: unknown): void {
  const index = users.findIndex((entry) => entry.name === name);
  const user = users[index]?.fields.user;
  if (!isFields(user)) return;
  for (const login of LOGINS) {
    if (saysNothing(user[login])) continue;
    const field = `users[${index}].user.${login}`;
    const why = `${field} (${valueKind(user[login])}) is refused, it would run another program`;
    throw new ConfigError("Refused", field, `Cannot use the kubeconfig: ${why}; ${LOGIN_REMEDY}`);
  }
}

/** The entries with the files of the chosen one read into it. */
async function inlined(
  entries: readonly Entry[],
  chosen: unknown,
  inner: keyof typeof FILES,
  { readFile }: Workstation,
): Promise<KubeconfigFields[]> {
  return await Promise.all(entries.map(async ({ name, fields, folder }) => {
    const values = fields[inner];
    if (name !== chosen || !isFields(values)) return fields;
    const copy: Record<string, unknown> = { ...values };
    for (const [fileField, inlineField] of Object.entries(FILES[inner])) {
      const path = copy[fileField];
      if (typeof path !== "string" || path === "") continue;
      delete copy[fileField];
      // As in kubectl: inline data goes before a file, but a token file goes before a token.
      if (inlineField !== "token" && !saysNothing(copy[inlineField])) continue;
      const text = await readBeside(folder, path, `${inner}.${fileField}`, readFile);
      copy[inlineField] = inlineField === "token" ? text.trim() : Buffer.from(text).toString("base64");
    }
    return { ...fields, [inner]: copy };
  }));
}

async function readBeside(
  folder: string,
  path: string,
  field: string,
  readFile: Workstation["readFile"],
): Promise<string> {
  const file = isAbsolute(path) ? path : join(folder, path);
  try {
    return await readFile(file);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : "unreadable";
    throw new ConfigError("Missing", field, `Cannot use the kubeconfig: ${field}: cannot read ${file}: ${why}`, {
      cause,
    });
  }
}

function isFields(value: unknown): value is KubeconfigFields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
