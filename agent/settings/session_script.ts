/**
 * What a client's key opens: the rsync daemon, and the control program. sshd runs this script whatever the client asks
 * for; what it asked for is compared with constants and never evaluated.
 *
 * @module
 */
import { plainPath, SettingsError } from "./plain_value.ts";

/** What rsync asks for when it talks to a daemon through a remote shell. */
export const RSYNC_REQUEST = "rsync --server --daemon .";

/**
 * What the control program can be asked for: what the volume is and holds; the same and what has changed since a moment,
 * which is told on standard input; and folders that streams can share.
 */
export const CONTROL_REQUESTS = ["census", "changes", "shares"] as const;
/** What is answered by ending well: it shows how far away the source is. */
export const NOTHING = "nothing";
export type ControlRequest = (typeof CONTROL_REQUESTS)[number];

/** What differs between source agents. */
export interface SessionSettings {
  readonly rsyncPath: string;
  readonly rsyncdConfPath: string;
  /** Program and arguments of the control program, without the request, which comes last. */
  readonly controlCommand: readonly string[];
  /** Environment of the control program: sshd hands on none. */
  readonly controlEnvironment: Readonly<Record<string, string>>;
}

/** Text of the script for `/bin/sh`. @throws {SettingsError} */
export function sessionScript(settings: SessionSettings): string {
  const { rsyncPath, rsyncdConfPath, controlCommand, controlEnvironment } = settings;
  const environment = Object.entries(controlEnvironment).map(([name, value]) => quoted(`${name}=${value}`));
  const control = ["/usr/bin/env", ...environment, ...controlCommand.map(quoted)].join(" ");
  const config = plainPath("rsyncdConfPath", rsyncdConfPath);
  const branches = CONTROL_REQUESTS.map((request) => `  ${quoted(request)}) exec ${control} ${request} ;;\n`);
  return `case "$SSH_ORIGINAL_COMMAND" in
  '${NOTHING}') exit 0 ;;
  '${RSYNC_REQUEST}') exec ${plainPath("rsyncPath", rsyncPath)} --server --daemon --config=${config} . ;;
${branches.join("")}  *) echo 'dr-syncer: this key opens one volume to rsync and nothing else' >&2; exit 126 ;;
esac
`;
}

function quoted(value: string): string {
  if (/^[\x20-\x26\x28-\x7e]+$/.test(value)) return `'${value}'`;
  throw new SettingsError("command", value, "give printable characters without single quotes");
}
