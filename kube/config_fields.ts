/**
 * What each field of a kubeconfig is to us: used, without meaning here, or refused and what to do instead.
 *
 * @module
 */

/** Fields that are read, or that change nothing. */
export const CLUSTER_FIELDS = ["server", "certificate-authority-data", "disable-compression", "extensions"];
/** Fields that are read, or that change nothing. */
export const USER_FIELDS = ["token", "client-certificate-data", "client-key-data", "extensions"];

/** Why a field is refused, and the remedy. */
export interface Refusal {
  readonly why: string;
  readonly remedy: string;
}

const INLINE_CREDENTIAL = "put a ServiceAccount token into token, or client-certificate-data and client-key-data";
const fileRefusal = (inline: string): Refusal => ({
  why: "it would read a file of the controller",
  remedy: `put the content, base64-encoded, into ${inline}`,
});
const impersonation: Refusal = {
  why: "acting as another user hides who writes",
  remedy: "use a credential of that user itself",
};
const password: Refusal = { why: "API servers have no password login", remedy: INLINE_CREDENTIAL };

/** Refused fields of a cluster. */
export const REFUSED_CLUSTER_FIELDS: Readonly<Record<string, Refusal>> = {
  "certificate-authority": fileRefusal("certificate-authority-data"),
  "insecure-skip-tls-verify": {
    why: "without checking the certificate anyone can be the cluster",
    remedy: "put the CA into certificate-authority-data and leave this field out",
  },
  "tls-server-name": {
    why: "the certificate is checked for the host in server only",
    remedy: "use a host in server that the certificate names",
  },
  "proxy-url": {
    why: "the controller connects directly",
    remedy: "use a server address that is reachable from the controller",
  },
};

/** Refused fields of a user. */
export const REFUSED_USER_FIELDS: Readonly<Record<string, Refusal>> = {
  "exec": { why: "it would run a program in the controller", remedy: INLINE_CREDENTIAL },
  "auth-provider": { why: "it would run a login in the controller", remedy: INLINE_CREDENTIAL },
  "tokenFile": { why: "it would read a file of the controller", remedy: "put the token itself into token" },
  "client-certificate": fileRefusal("client-certificate-data"),
  "client-key": fileRefusal("client-key-data"),
  "username": password,
  "password": password,
  "as": impersonation,
  "as-uid": impersonation,
  "as-groups": impersonation,
  "as-user-extra": impersonation,
};

/** Kind of a value, for messages that must not show it. */
export function valueKind(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  if (typeof value === "string") return value === "" ? "an empty string" : "a string";
  return `a ${typeof value}`;
}

/** Whether a refused field says nothing: absent, empty or off, as tools write defaults. */
export function saysNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}
