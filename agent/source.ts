/**
 * The source agent: sshd in the foreground, with keys that open one volume, read-only.
 *
 * @module
 */
import { rootForGuard } from "./census.ts";
import { type Clock, waitFor } from "../kube/clock.ts";
import type { Log } from "../kube/log.ts";
import { placeFile, readKeyFile } from "./plain_file.ts";
import { plainPublicKeys } from "./settings/plain_value.ts";
import { guardScript, rsyncdConf } from "./settings/rsyncd_conf.ts";
import { sessionScript } from "./settings/session_script.ts";
import { authorizedKeys, sshdConfig } from "./settings/sshd_config.ts";

/** What a source agent is told. */
export interface SourceOptions {
  /** Root of the volume, mounted read-only. */
  readonly dataPath: string;
  /** Folder of the mounted Secret: `host-key` (private) and `client-keys` (public, one a line). */
  readonly keysPath: string;
  /** Folder in memory for files of our own. */
  readonly runPath: string;
  readonly host: string;
  readonly port: number;
  readonly isRoot: boolean;
  readonly controlCommand: readonly string[];
  readonly controlEnvironment: Readonly<Record<string, string>>;
}

/** Time, log, and the end. */
export interface SourceTools {
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** A mounted Secret shows its new content up to a minute late; looking this often adds nothing to it. */
const KEY_POLL_MS = 1_000;

const SSHD = "/usr/sbin/sshd";
const RSYNC = "/usr/bin/rsync";

/** Serves until the signal is aborted or sshd ends. @returns the exit code: 0 when it was asked to end */
export async function runSource(options: SourceOptions, tools: SourceTools): Promise<number> {
  const { log, signal } = tools;
  const configPath = await writeSettings(options, signal);
  const keys = new SourceKeys(options);
  await keys.refresh();
  const child = new Deno.Command(SSHD, {
    args: ["-D", "-e", "-f", configPath],
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  log.info("sshd started", { host: options.host, port: options.port, volume: options.dataPath });
  const ended = new AbortController();
  const end = () => child.kill("SIGTERM");
  signal.addEventListener("abort", end, { once: true });
  try {
    const following = followKeys(keys, tools, AbortSignal.any([signal, ended.signal]));
    const { code } = await child.status;
    ended.abort();
    await following;
    log.info("sshd ended", { code, asked: signal.aborted });
    return signal.aborted ? 0 : code || 1;
  } finally {
    signal.removeEventListener("abort", end);
  }
}

/** Writes everything but the keys; answers with the path of sshd's configuration. */
async function writeSettings(options: SourceOptions, signal: AbortSignal): Promise<string> {
  const { dataPath, runPath, isRoot, controlCommand, controlEnvironment } = options;
  await Deno.mkdir(runPath, { recursive: true, mode: 0o700 });
  const at = pathsIn(runPath);
  await placeFile(at.guard, guardScript(dataPath, await rootForGuard(dataPath, signal)));
  await placeFile(at.rsyncd, rsyncdConf({ dataPath, guardScriptPath: at.guard, lockPath: at.lock, isRoot }));
  const session = { rsyncPath: RSYNC, rsyncdConfPath: at.rsyncd, controlCommand, controlEnvironment };
  await placeFile(at.session, sessionScript(session));
  const { host, port } = options;
  await placeFile(
    at.sshd,
    sshdConfig({ host, port, hostKeyPath: at.hostKey, authorizedKeysPath: at.authorizedKeys, homePath: runPath }),
  );
  return at.sshd;
}

/** sshd reads its keys for each connection, so a new file is all that a rotation takes. */
class SourceKeys {
  readonly #options: SourceOptions;
  #written = "";

  constructor(options: SourceOptions) {
    this.#options = options;
  }

  /** Copies the keys when they have changed; answers whether they have. @throws {KeyFileError | SettingsError} */
  async refresh(): Promise<boolean> {
    const { keysPath, runPath } = this.#options;
    const hostKey = await readKeyFile(`${keysPath}/host-key`);
    const clientKeys = plainPublicKeys("client-keys", await readKeyFile(`${keysPath}/client-keys`));
    const seen = JSON.stringify([hostKey, clientKeys]);
    if (seen === this.#written) return false;
    const at = pathsIn(runPath);
    await placeFile(at.authorizedKeys, authorizedKeys(clientKeys, at.session));
    await placeFile(at.hostKey, hostKey);
    this.#written = seen;
    return true;
  }
}

/** A Secret that is malformed for a while leaves the last good keys in place. */
async function followKeys(keys: SourceKeys, { clock, log }: SourceTools, signal: AbortSignal): Promise<void> {
  let lastError = "";
  while (!signal.aborted) {
    await waitFor(clock, KEY_POLL_MS, signal);
    try {
      if (await keys.refresh()) log.info("keys changed");
      lastError = "";
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== lastError) log.error("keys not taken", { message });
      lastError = message;
    }
  }
}

function pathsIn(runPath: string) {
  return {
    sshd: `${runPath}/sshd_config`,
    hostKey: `${runPath}/host_key`,
    authorizedKeys: `${runPath}/authorized_keys`,
    session: `${runPath}/session.sh`,
    guard: `${runPath}/guard.sh`,
    rsyncd: `${runPath}/rsyncd.conf`,
    lock: `${runPath}/rsyncd.lock`,
  };
}
