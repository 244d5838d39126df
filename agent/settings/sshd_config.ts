/**
 * The configuration of a source agent's sshd: public keys with forced commands, and nothing else.
 *
 * @module
 */
import { CIPHERS, KEY_TYPE } from "./ciphers.ts";
import { plainHost, plainPath, plainPort, plainPublicKey } from "./plain_value.ts";

/** What differs between source agents. */
export interface SshdSettings {
  /** Address to listen on. */
  readonly host: string;
  readonly port: number;
  readonly hostKeyPath: string;
  readonly authorizedKeysPath: string;
  /** Folder without files of a shell: sshd starts even forced commands through the login shell. */
  readonly homePath: string;
}

/** Text of sshd_config(5). @throws {SettingsError} */
export function sshdConfig({ host, port, hostKeyPath, authorizedKeysPath, homePath }: SshdSettings): string {
  return lines([
    ["ListenAddress", plainHost("host", host)],
    ["Port", plainPort("port", port)],
    ["HostKey", plainPath("hostKeyPath", hostKeyPath)],
    ["AuthorizedKeysFile", plainPath("authorizedKeysPath", authorizedKeysPath)],
    ["PidFile", "none"],
    // The files lie in a memory directory whose parents may be anybody's.
    ["StrictModes", "no"],
    ["AuthenticationMethods", "publickey"],
    ["PasswordAuthentication", "no"],
    ["KbdInteractiveAuthentication", "no"],
    ["PermitRootLogin", "forced-commands-only"],
    ["UsePAM", "no"],
    ["PermitTTY", "no"],
    ["PermitUserRC", "no"],
    ["PermitUserEnvironment", "no"],
    // bash reads ~/.bashrc when sshd starts it, whatever it is to do.
    ["SetEnv", `HOME=${plainPath("homePath", homePath)}`],
    ["DisableForwarding", "yes"],
    ["MaxSessions", 16],
    ["MaxStartups", 8],
    ["LoginGraceTime", 20],
    ["ClientAliveInterval", 10],
    ["UseDNS", "no"],
    ["PrintMotd", "no"],
    ["Compression", "no"],
    // Who connected with which key, on standard error.
    ["LogLevel", "VERBOSE"],
    ["Ciphers", CIPHERS],
    ["HostKeyAlgorithms", KEY_TYPE],
    ["PubkeyAcceptedAlgorithms", KEY_TYPE],
  ]);
}

/** Text of the authorized keys: each may run the session script and nothing else. @throws {SettingsError} */
export function authorizedKeys(publicKeys: readonly string[], sessionScriptPath: string): string {
  const command = `/bin/sh ${plainPath("sessionScriptPath", sessionScriptPath)}`;
  return publicKeys.map((key) => `restrict,command="${command}" ${plainPublicKey("client public key", key)}\n`).join(
    "",
  );
}

function lines(settings: readonly (readonly [string, string | number])[]): string {
  return settings.map(([name, value]) => `${name} ${value}\n`).join("");
}
