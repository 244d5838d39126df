/**
 * A source volume and a target volume with their agents, real sshd and real rsync between them.
 *
 * @module
 */
import { generateOpensshKey, type OpensshKeyPair } from "../../reconciler/volumes/openssh_key.ts";
import type { PassRequestInput } from "../../agent/protocol.ts";
import type { PassReport } from "../../agent/report.ts";
import { type Agent, type AgentFolders, startSource, startTarget } from "./agents.ts";
import { Commander } from "./commander.ts";
import { makeFolder, type TestFolder } from "./folder.ts";

/** Name under which the tests pin host keys. */
export const HOST_KEY_ALIAS = "volume-a";

/** Both sides. */
export class VolumeScene implements AsyncDisposable {
  readonly folder: TestFolder;
  readonly hostKey: OpensshKeyPair;
  readonly clientKey: OpensshKeyPair;
  source!: Agent & { readonly port: number };
  target!: Agent;
  #commander?: Commander;
  #passes = 0;

  private constructor(folder: TestFolder, hostKey: OpensshKeyPair, clientKey: OpensshKeyPair) {
    this.folder = folder;
    this.hostKey = hostKey;
    this.clientKey = clientKey;
  }

  /** Makes empty volumes and keys; starts nothing yet. */
  static async prepare(root?: string): Promise<VolumeScene> {
    const folder = await makeFolder(root);
    const scene = new VolumeScene(folder, await generateOpensshKey("host"), await generateOpensshKey("client"));
    for (const name of ["source", "target"] as const) {
      for (const part of ["data", "keys", "run"]) {
        await Deno.mkdir(`${folder.path}/${name}/${part}`, { recursive: true });
      }
    }
    await scene.writeSourceKeys(scene.hostKey.privateKey, [scene.clientKey.publicKey]);
    await scene.writeTargetKeys(scene.clientKey.privateKey, [scene.hostKey.publicKey]);
    return scene;
  }

  /** Starts both agents. */
  static async start(): Promise<VolumeScene> {
    const scene = await VolumeScene.prepare();
    try {
      await scene.startAgents();
      return scene;
    } catch (error) {
      await scene[Symbol.asyncDispose]();
      throw error;
    }
  }

  async startAgents(): Promise<void> {
    [this.source, this.target] = await Promise.all([
      startSource(this.folders("source")),
      startTarget(this.folders("target")),
    ]);
  }

  async restartSource(): Promise<void> {
    await this.source.kill();
    this.source = await startSource(this.folders("source"), this.source.port);
  }

  async restartTarget(): Promise<void> {
    await this.#detach();
    await this.target.kill();
    this.target = await startTarget(this.folders("target"));
  }

  folders(side: "source" | "target"): AgentFolders {
    const path = `${this.folder.path}/${side}`;
    return { dataPath: `${path}/data`, keysPath: `${path}/keys`, runPath: `${path}/run` };
  }

  get sourcePath(): string {
    return this.folders("source").dataPath;
  }

  get targetPath(): string {
    return this.folders("target").dataPath;
  }

  async writeSourceKeys(hostKey: string, clientKeys: readonly string[]): Promise<void> {
    await writeKeys(this.folders("source").keysPath, { "host-key": hostKey, "client-keys": clientKeys.join("\n") });
  }

  async writeTargetKeys(clientKey: string, hostKeys: readonly string[]): Promise<void> {
    await writeKeys(this.folders("target").keysPath, { "client-key": clientKey, "host-keys": hostKeys.join("\n") });
  }

  /** The stream that commands the target. */
  get commander(): Commander {
    return this.#commander ??= new Commander(this.folders("target"));
  }

  /** A request for a pass that holds back at nothing but more than a thousand deletes. */
  request(over: Partial<PassRequestInput> = {}): PassRequestInput {
    return {
      passId: `pass-${++this.#passes}`,
      volume: "shop/data",
      epoch: 1,
      source: { host: "127.0.0.1", port: this.source.port, hostKeyAlias: HOST_KEY_ALIAS },
      policy: { count: 1_000, percent: 100 },
      ...over,
    };
  }

  /** Runs one pass to its end. */
  async pass(over: Partial<PassRequestInput> = {}): Promise<PassReport> {
    const request = this.request(over);
    await this.commander.send({ type: "start", pass: request });
    return await this.commander.event("finished", (event) => event.passId === request.passId);
  }

  async #detach(): Promise<void> {
    await this.#commander?.[Symbol.asyncDispose]();
    this.#commander = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#detach();
    await this.source?.kill();
    await this.target?.kill();
    await this.folder[Symbol.asyncDispose]();
  }
}

/** What the controller remembers of a good pass. */
export function lastGoodOf({ source, seenUntil }: PassReport): PassRequestInput["lastGood"] {
  return source && { root: source.root, entries: source.count.entries, seenUntil };
}

/** Files of a Secret are exchanged at once, as the kubelet does. */
async function writeKeys(folder: string, files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${folder}/${name}.new`, text, { mode: 0o640 });
    await Deno.rename(`${folder}/${name}.new`, `${folder}/${name}`);
  }
}
