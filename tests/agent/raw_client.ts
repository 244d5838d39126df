/**
 * ssh and rsync as somebody else would use them who has a key: without the agent, and without its guards.
 *
 * @module
 */
import { knownHosts, sshConfig } from "../../agent/settings/ssh_config.ts";
import { HOST_KEY_ALIAS, type VolumeScene } from "./scene.ts";

/** How a program ended. */
export interface RawResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Somebody with a key. */
export interface RawClient {
  /** Path of an ssh configuration in which the host `source` is the source agent. */
  readonly configPath: string;
  run(program: string, args: readonly string[]): Promise<RawResult>;
  /** `ssh source …`: options before, words after the host. */
  ssh(options: readonly string[], words: readonly string[]): Promise<RawResult>;
  /** rsync over that ssh. */
  rsync(args: readonly string[]): Promise<RawResult>;
}

/** What may differ from the target's own way. */
export interface RawOptions {
  readonly clientKey?: string;
  readonly hostKeys?: readonly string[];
  readonly port?: number;
}

const DEADLINE_MS = 60_000;

/** Makes the files of a client. */
export async function rawClient(scene: VolumeScene, options: RawOptions = {}): Promise<RawClient> {
  const folder = await Deno.makeTempDir({ dir: scene.folder.path, prefix: "raw-" });
  const [clientKeyPath, knownHostsPath, configPath] = [`${folder}/key`, `${folder}/hosts`, `${folder}/config`];
  const write = (path: string, text: string) => Deno.writeTextFile(path, text, { mode: 0o600 });
  await write(clientKeyPath, options.clientKey ?? scene.clientKey.privateKey);
  await write(knownHostsPath, knownHosts(HOST_KEY_ALIAS, options.hostKeys ?? [scene.hostKey.publicKey]));
  const address = { host: "127.0.0.1", port: options.port ?? scene.source.port, hostKeyAlias: HOST_KEY_ALIAS };
  const config = sshConfig({ address, user: "root", clientKeyPath, knownHostsPath, controlPath: `${folder}/mux` });
  // Nothing that keeps an honest client from trying.
  await write(configPath, config.replace(/^ +(Control|ClearAllForwardings|RequestTTY|LogLevel).*\n/gm, ""));
  return {
    configPath,
    run,
    ssh: (flags, words) => run("/usr/bin/ssh", ["-F", configPath, ...flags, "source", ...words]),
    rsync: (args) => run("/usr/bin/rsync", [`--rsh=/usr/bin/ssh -F ${configPath}`, ...args]),
  };
}

async function run(program: string, args: readonly string[]): Promise<RawResult> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    env: { LC_ALL: "C" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(DEADLINE_MS),
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
