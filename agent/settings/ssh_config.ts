/**
 * The configuration of a target agent's ssh: one host, one key, one pinned host key.
 *
 * @module
 */
import { CIPHERS, KEY_TYPE } from "./ciphers.ts";
import { plainHost, plainName, plainPath, plainPort, plainPublicKey } from "./plain_value.ts";

/** Name of the one host in the configuration. */
export const SOURCE_HOST = "source";

/** Seconds that a connection stays open for the next pass. */
const PERSIST_SECONDS = 60;

/** Where the source agent is, and as whom it is to be known. */
export interface SourceAddress {
  readonly host: string;
  readonly port: number;
  /** Name under which its host key is pinned, whatever the path to it. */
  readonly hostKeyAlias: string;
}

/** What differs between target agents. */
export interface SshSettings {
  readonly address: SourceAddress;
  readonly user: string;
  readonly clientKeyPath: string;
  readonly knownHostsPath: string;
  /** Socket of the connection that passes share; another key or address needs another one. */
  readonly controlPath: string;
}

/** Text of ssh_config(5). @throws {SettingsError} */
export function sshConfig({ address, user, clientKeyPath, knownHostsPath, controlPath }: SshSettings): string {
  const settings: readonly (readonly [string, string | number])[] = [
    ["HostName", plainHost("host", address.host)],
    ["Port", plainPort("port", address.port)],
    ["HostKeyAlias", plainName("hostKeyAlias", address.hostKeyAlias)],
    ["User", plainName("user", user)],
    ["IdentityFile", plainPath("clientKeyPath", clientKeyPath)],
    ["IdentitiesOnly", "yes"],
    ["IdentityAgent", "none"],
    ["PreferredAuthentications", "publickey"],
    ["BatchMode", "yes"],
    ["StrictHostKeyChecking", "yes"],
    ["UserKnownHostsFile", plainPath("knownHostsPath", knownHostsPath)],
    ["GlobalKnownHostsFile", "/dev/null"],
    ["UpdateHostKeys", "no"],
    ["CheckHostIP", "no"],
    ["ConnectTimeout", 10],
    ["ServerAliveInterval", 10],
    ["ServerAliveCountMax", 3],
    ["Ciphers", CIPHERS],
    ["HostKeyAlgorithms", KEY_TYPE],
    ["PubkeyAcceptedAlgorithms", KEY_TYPE],
    ["Compression", "no"],
    ["RequestTTY", "no"],
    ["EscapeChar", "none"],
    ["ClearAllForwardings", "yes"],
    ["LogLevel", "ERROR"],
    ["ControlMaster", "auto"],
    ["ControlPath", plainPath("controlPath", controlPath)],
    ["ControlPersist", PERSIST_SECONDS],
  ];
  return `Host ${SOURCE_HOST}\n${settings.map(([name, value]) => `  ${name} ${value}\n`).join("")}`;
}

/** Text of known hosts: several keys during a rotation. @throws {SettingsError} */
export function knownHosts(hostKeyAlias: string, publicKeys: readonly string[]): string {
  const alias = plainName("hostKeyAlias", hostKeyAlias);
  return publicKeys.map((key) => `${alias} ${plainPublicKey("host public key", key)}\n`).join("");
}
