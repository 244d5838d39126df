/**
 * The target's way to its source: ssh's files in a memory directory, and the connection that passes share.
 *
 * @module
 */
import type { Census } from "./census.ts";
import { isPlainList, MAX_LIST_BYTES } from "./changes.ts";
import { type ChildResult, type ChildSpec, runChild } from "./child.ts";
import type { ControlLine } from "./control.ts";
import type { Moment, SourceClock } from "./moment.ts";
import { placeFile, readKeyFile } from "./plain_file.ts";
import { plainPublicKeys } from "./settings/plain_value.ts";
import type { ControlRequest, NOTHING } from "./settings/session_script.ts";
import { knownHosts, SOURCE_HOST, type SourceAddress, sshConfig } from "./settings/ssh_config.ts";

const SSH = "/usr/bin/ssh";

/** A census takes a second for a million files on a fast disk; a slow one gets this long. */
const CENSUS_DEADLINE_MS = 30 * 60_000;
/** The answer is one line, of less than a KiB without the changes. */
const ANSWER_BYTES = 65_536 + Math.ceil(MAX_LIST_BYTES * 4 / 3);

/** Folders that a target agent is given. */
export interface ConnectionOptions {
  /** Folder of the mounted Secret: `client-key` (private) and `host-keys` (public, one a line). */
  readonly keysPath: string;
  /** Folder in memory for files of our own. */
  readonly runPath: string;
}

/** A list for rsync, see `ChangeList`. */
export type Changes = Uint8Array<ArrayBuffer>;

/** What the source said to a request. */
export type CensusAnswer =
  | { readonly kind: "census"; readonly census: Census; readonly clock?: SourceClock; readonly changes?: Changes }
  | { readonly kind: "refused"; readonly message: string }
  | { readonly kind: "failed"; readonly result: ChildResult };

/** One source, as one key and one address reach it. */
export class Connection {
  readonly #options: ConnectionOptions;
  #digest = "";

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** Program and arguments that reach the source, without the host. */
  get command(): readonly string[] {
    return [SSH, "-F", this.#configPath];
  }

  get #configPath(): string {
    return `${this.#options.runPath}/ssh_config`;
  }

  /**
   * Reads the keys anew and writes ssh's files. A connection that was made with other keys, or to another address, is
   * closed: none outlasts its key.
   *
   * @throws {KeyFileError | SettingsError}
   */
  async prepare(address: SourceAddress, user: string, signal: AbortSignal): Promise<void> {
    const { keysPath, runPath } = this.#options;
    const clientKey = await readKeyFile(`${keysPath}/client-key`);
    const hostKeys = plainPublicKeys("host-keys", await readKeyFile(`${keysPath}/host-keys`));
    const digest = await digestOf([clientKey, ...hostKeys, address.host, String(address.port), user]);
    if (digest === this.#digest) return;
    await this.close(signal);
    await Deno.mkdir(runPath, { recursive: true, mode: 0o700 });
    const [clientKeyPath, knownHostsPath] = [`${runPath}/client_key`, `${runPath}/known_hosts`];
    await placeFile(clientKeyPath, clientKey);
    await placeFile(knownHostsPath, knownHosts(address.hostKeyAlias, hostKeys));
    const controlPath = `${runPath}/mux-${digest}`;
    await placeFile(this.#configPath, sshConfig({ address, user, clientKeyPath, knownHostsPath, controlPath }));
    this.#digest = digest;
  }

  /**
   * Makes sure of a connection that everything else shares, and which stays open for the next pass. A failure is told as ssh
   * tells it.
   */
  async open(signal: AbortSignal): Promise<ChildResult> {
    const ssh = (args: readonly string[]) => {
      return runChild({ program: SSH, args: ["-F", this.#configPath, ...args, SOURCE_HOST], signal });
    };
    const check = await ssh(["-O", "check"]);
    return check.code === 0 ? check : await ssh(["-f", "-N"]);
  }

  /** Asks the source what it is and holds, and what has changed in it since a moment. */
  async census(signal: AbortSignal, since?: Moment): Promise<CensusAnswer> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    const onOutput = (chunk: Uint8Array) => {
      size += chunk.length;
      if (size <= ANSWER_BYTES) chunks.push(chunk);
    };
    const result = since === undefined
      ? await this.ask("census", signal, { onOutput })
      : await this.ask("changes", signal, { onOutput, input: new TextEncoder().encode(JSON.stringify(since)) });
    if (result.code !== 0) return { kind: "failed", result };
    return readAnswer(await new Blob(chunks as BlobPart[]).text());
  }

  /** Asks the source for something and hands on what it says, at most for 30 minutes. */
  async ask(
    request: ControlRequest | typeof NOTHING,
    signal: AbortSignal,
    streams: Pick<ChildSpec, "onOutput" | "input"> = {},
  ): Promise<ChildResult> {
    return await runChild({
      program: SSH,
      args: ["-F", this.#configPath, SOURCE_HOST, request],
      signal: AbortSignal.any([signal, AbortSignal.timeout(CENSUS_DEADLINE_MS)]),
      ...streams,
    });
  }

  /** Ends the connection that passes share, if there is one. */
  async close(signal: AbortSignal): Promise<void> {
    if (this.#digest === "") return;
    await runChild({ program: SSH, args: ["-F", this.#configPath, "-O", "exit", SOURCE_HOST], signal });
    this.#digest = "";
  }
}

/** The source is trusted less than we are: what does not have the shape of an answer is none. */
function readAnswer(text: string): CensusAnswer {
  try {
    const line = JSON.parse(text) as ControlLine;
    if (line.type === "error") return { kind: "refused", message: String(line.message).slice(0, 1_000) };
    if (isCensus(line)) {
      const clock = isClock(line.clock) ? line.clock : undefined;
      return {
        kind: "census",
        census: { root: line.root, count: line.count },
        clock,
        changes: changesOf(line.changes),
      };
    }
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof TypeError)) throw error;
  }
  return { kind: "refused", message: "the source's answer is no census" };
}

function isClock(clock: SourceClock | undefined): boolean {
  return typeof clock?.boot === "string" && clock.boot.length <= 100 &&
    [clock.bootTime, clock.seconds, clock.newestSeconds].every(Number.isFinite);
}

/** What is no list of ours is none, which is a reason to look at everything. */
function changesOf(text: unknown): Changes | undefined {
  if (typeof text !== "string") return undefined;
  const list = Uint8Array.fromBase64(text);
  return isPlainList(list) ? list : undefined;
}

function isCensus(line: Partial<Census>): line is Census {
  const numbers = ["entries", "files", "directories", "devices", "sparseFiles", "bytes", "allocatedBytes"] as const;
  const texts = ["filesystem", "inode", "birth", "fsid", "folder", "mounted"] as const;
  return numbers.every((name) => Number.isSafeInteger(line.count?.[name])) &&
    texts.every((name) => typeof line.root?.[name] === "string");
}

async function digestOf(parts: readonly string[]): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(parts)));
  return new Uint8Array(digest).toHex().slice(0, 16);
}
