/**
 * What volumes are measured on: trees in memory, the agents, and an sshd as Debian ships it for the plain commands.
 *
 * @module
 */
import { freePort } from "../../agent/agents.ts";
import { shell } from "../../agent/folder.ts";
import { HOST_KEY_ALIAS, VolumeScene } from "../../agent/scene.ts";
import { waitFor } from "../../wait.ts";
import { type DelayProxy, startDelayProxy } from "./delay_proxy.ts";

/** Round trip of the long way. */
export const ROUND_TRIP_MS = 50;

/** Which way bytes go. */
export type Way = "lan" | "wan";

/** Everything that is measured on. */
export class Stage implements AsyncDisposable {
  readonly scene: VolumeScene;
  readonly #plainPort: number;
  readonly #sshd: Deno.ChildProcess;
  readonly #proxies: Record<"ours" | "plain", DelayProxy>;
  readonly #folder: string;

  private constructor(scene: VolumeScene, plainPort: number, sshd: Deno.ChildProcess, folder: string) {
    this.scene = scene;
    this.#plainPort = plainPort;
    this.#sshd = sshd;
    this.#folder = folder;
    this.#proxies = {
      ours: startDelayProxy(scene.source.port, ROUND_TRIP_MS),
      plain: startDelayProxy(plainPort, ROUND_TRIP_MS),
    };
  }

  /** Mounts memory, so that no disk is measured, and starts everything. */
  static async start(): Promise<Stage> {
    const scene = await VolumeScene.prepare();
    try {
      const folder = `${scene.folder.path}/plain`;
      await shell(
        'mkdir -p "$3/data"; for point in "$1" "$2" "$3/data"; do mount -t tmpfs -o size=4g tmpfs "$point"; done',
        scene.sourcePath,
        scene.targetPath,
        folder,
      );
      await scene.startAgents();
      const port = freePort();
      const sshd = await startPlainSshd(scene, folder, port);
      return new Stage(scene, port, sshd, folder);
    } catch (error) {
      await scene[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Where the plain command copies to. */
  get plainTarget(): string {
    return `${this.#folder}/data`;
  }

  /** The source for a pass. */
  sourceBy(way: Way) {
    const port = way === "lan" ? this.scene.source.port : this.#proxies.ours.port;
    return { host: "127.0.0.1", port, hostKeyAlias: HOST_KEY_ALIAS };
  }

  /** ssh as somebody has it who configured nothing: options that reach the plain sshd. */
  plainSsh(way: Way): string[] {
    const port = way === "lan" ? this.#plainPort : this.#proxies.plain.port;
    return ["-F", "/dev/null", "-p", String(port), "-i", `${this.#folder}/key`, "-o", "IdentitiesOnly=yes"].concat(
      ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"],
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const proxy of Object.values(this.#proxies)) await proxy[Symbol.asyncDispose]();
    this.#sshd.kill("SIGTERM");
    await this.#sshd.status;
    await this.scene[Symbol.asyncDispose]();
  }
}

async function startPlainSshd(scene: VolumeScene, folder: string, port: number): Promise<Deno.ChildProcess> {
  const write = (name: string, text: string) => Deno.writeTextFile(`${folder}/${name}`, text, { mode: 0o600 });
  await write("host", scene.hostKey.privateKey);
  await write("key", scene.clientKey.privateKey);
  await write("authorized", `${scene.clientKey.publicKey}\n`);
  // What this machine's root has in its shell's files is not measured.
  const settings = [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${folder}/host`,
    "PidFile none",
    "StrictModes no",
  ]
    .concat([
      `AuthorizedKeysFile ${folder}/authorized`,
      "PermitRootLogin prohibit-password",
      "UsePAM no",
      `SetEnv HOME=${folder}`,
    ]);
  await write("sshd_config", settings.join("\n") + "\n");
  const sshd = new Deno.Command("/usr/bin/setpriv", {
    args: ["--pdeathsig=KILL", "/usr/sbin/sshd", "-D", "-e", "-f", `${folder}/sshd_config`],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  await waitFor("the plain sshd", async () => {
    using _ = await Deno.connect({ hostname: "127.0.0.1", port });
    return true;
  }, { deadlineMs: 10_000 });
  return sshd;
}
