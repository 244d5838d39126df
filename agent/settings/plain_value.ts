/**
 * Values on their way into a configuration file: one that could end its line or its quotes is refused, not escaped.
 *
 * @module
 */

/** A setting that cannot be written down safely. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
  readonly reason = "UnsafeValue";
  /** Which setting. */
  readonly field: string;

  constructor(field: string, value: string, remedy: string) {
    super(`Cannot use ${JSON.stringify(value)} as ${field}: ${remedy}`);
    this.field = field;
  }
}

/** An absolute path of plain characters, as all our own paths are. @throws {SettingsError} */
export function plainPath(field: string, value: string): string {
  if (/^(\/[A-Za-z0-9._-]+)+$/.test(value) && !value.split("/").includes("..")) return value;
  throw new SettingsError(field, value, "give an absolute path of letters, digits, dots, dashes and underscores");
}

/** A host name, an IPv4 or an IPv6 address. @throws {SettingsError} */
export function plainHost(field: string, value: string): string {
  if (/^[A-Za-z0-9]([A-Za-z0-9.-]{0,252})$/.test(value) || /^[0-9a-fA-F:]{2,45}$/.test(value)) return value;
  throw new SettingsError(field, value, "give a host name or an address");
}

/** A TCP port. @throws {SettingsError} */
export function plainPort(field: string, value: number): number {
  if (Number.isInteger(value) && value > 0 && value < 65_536) return value;
  throw new SettingsError(field, String(value), "give a port from 1 to 65535");
}

/** A name such as a user's or an alias: letters, digits, dots, dashes. @throws {SettingsError} */
export function plainName(field: string, value: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$/.test(value)) return value;
  throw new SettingsError(field, value, "give letters, digits, dots and dashes");
}

/** `ssh-ed25519 BASE64` without options and comment. @throws {SettingsError} */
export function plainPublicKey(field: string, value: string): string {
  const [type, key] = value.trim().split(/\s+/);
  // 4 + 11 + 4 + 32 bytes are 68 characters, and the first 25 spell length and name of the type.
  if (type === "ssh-ed25519" && /^AAAAC3NzaC1lZDI1NTE5AAAAI[A-Za-z0-9+/]{43}$/.test(key ?? "")) return `${type} ${key}`;
  throw new SettingsError(field, value, "give an ed25519 public key in OpenSSH's form");
}

/** The public keys of a text, one a line; empty lines and comments are left out. @throws {SettingsError} */
export function plainPublicKeys(field: string, text: string): string[] {
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
  return lines.map((line) => plainPublicKey(field, line));
}
