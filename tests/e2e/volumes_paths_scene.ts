/**
 * A scene with volumes where the test decides which way data can take: DR's Pods may be kept from the source, and the controller
 * reaches the source's API server through a network that can break.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type FaultProxy, startProxy } from "../faults/proxy.ts";
import type { Scene } from "./scene.ts";
import { restartController, startVolumeScene } from "./volumes_scene.ts";

/** What DR's agents would connect to: node ports drop what comes, as a firewall does, Pods refuse. */
const WALLS = [
  ["FORWARD", "-p", "tcp", "--dport", "30000:32767", "-j", "DROP"],
  ["FORWARD", "-p", "tcp", "--dport", "2222", "-j", "REJECT", "--reject-with", "tcp-reset"],
];

/** See the module. `await using` ends it; the rules end with the node's network. */
export interface PathScene extends AsyncDisposable {
  readonly scene: Scene;
  /** Before the source's API server, for the controller only. */
  readonly proxy: FaultProxy;
}

/** Starts it; DR's Pods reach nothing of the source. */
export async function startPathScene(): Promise<PathScene> {
  const scene = await startVolumeScene({ controller: false });
  const { hostname, port } = new URL(scene.source.server);
  // The API server's certificate is for this name, too.
  const proxy = await startProxy({ hostname, port: Number(port) }, "localhost");
  const direct = await Deno.readTextFile(scene.kubeconfigPath);
  const through = direct.replaceAll(scene.source.server, `https://localhost:${proxy.port}`);
  assert.notEqual(through, direct);
  await Deno.writeTextFile(scene.kubeconfigPath, through, { mode: 0o600 });
  await setWalls(scene, true);
  await restartController(scene);
  return {
    scene,
    proxy,
    async [Symbol.asyncDispose]() {
      await scene[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

/** Keeps DR's Pods from the source, or lets them. */
export async function setWalls(scene: Scene, stand: boolean): Promise<void> {
  for (const wall of WALLS) {
    const end = await scene.dr.node?.run(["iptables", "--wait", stand ? "--insert" : "--delete", ...wall]);
    assert.equal(end?.code, 0, end?.stderr);
  }
}

/** How often the controller said that a path did not work for a claim. */
export function failuresOf(scene: Scene, path: "Direct" | "Tunnel", claim: string): number {
  const said = scene.controllers.flatMap(({ lines }) => lines);
  return said.filter(({ message, properties }) => {
    return /^path .* fails/.test(message) && properties.path === path && properties.claim === claim;
  }).length;
}

/** Passes that ended because nothing reached the source any more. */
export function lostPasses(scene: Scene): unknown[] {
  const said = scene.controllers.flatMap(({ lines }) => lines.map(({ properties }) => properties));
  const reasons: readonly unknown[] = ["Unreachable", "ConnectionLost", "TimedOut"];
  return said.filter(({ phase, reason }) => phase === "Failed" && reasons.includes(reason));
}
