/**
 * Where an API server is and how to authenticate to it.
 *
 * @module
 */

/** How to authenticate. Values are secrets: they appear in no message. */
export type Credential =
  | { readonly kind: "token"; readonly token: string }
  /** A token that is replaced in place (a projected ServiceAccount token): `read` is called each 60 s, and on a 401. */
  | { readonly kind: "tokenFile"; read(): Promise<string> }
  | { readonly kind: "certificate"; readonly certPem: string; readonly keyPem: string };

/** An API server, the CA its certificate is checked with, and our credential. */
export interface ClusterAddress {
  /** Base URL, `https://` always, without a trailing slash. */
  readonly server: string;
  /** PEM of the CA, trusted besides the system's roots; the system's roots alone when absent. */
  readonly caPem?: string;
  readonly credential: Credential;
}

/** Why an address or kubeconfig cannot be used. Callers switch on this, never on the text. */
export type ConfigErrorReason =
  | "Unreadable" // not YAML, or not a kubeconfig
  | "Missing" // a field that must be there is not
  | "Refused" // a field that is never accepted
  | "UnknownField" // a field nobody knows the meaning of
  | "BadValue"; // a field whose value cannot be used

/** A configuration that cannot be used: which field, and what to do. Never holds a value. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly reason: ConfigErrorReason;
  /** Path of the field, for example `users[0].user.exec`. */
  readonly field: string;

  constructor(reason: ConfigErrorReason, field: string, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.reason = reason;
    this.field = field;
  }
}
