/**
 * A controller that reaches a DR cluster through a network which a test can break.
 *
 * @module
 */
import type { Scene } from "../e2e/scene.ts";
import { connectDr, installDr } from "../rig/install.ts";
import { type FaultProxy, startProxy } from "./proxy.ts";

/** Connects the first DR cluster of a scene without a controller through a proxy, and starts one. `await using` ends the proxy. */
export async function startBehindProxy(scene: Scene): Promise<FaultProxy> {
  const { hostname, port } = new URL(scene.dr.server);
  const proxy = await startProxy({ hostname, port: Number(port) });
  const { kubeconfig } = await installDr(scene.dr);
  const through = kubeconfig.replaceAll(scene.dr.server, `https://127.0.0.1:${proxy.port}`);
  await connectDr(scene.source, scene.dr.name, through);
  await scene.startController();
  return proxy;
}
