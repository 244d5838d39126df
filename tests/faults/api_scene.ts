/**
 * A scene whose controller reaches a cluster only through a proxy that understands what passes.
 *
 * @module
 */
import { type Scene, startScene } from "../e2e/scene.ts";
import { connectDr, installDr } from "../rig/install.ts";
import { type ApiProxy, startApiProxy } from "./api_proxy.ts";

/** One source, one DR cluster, the controller, and a proxy before the DR cluster or the source. */
export interface ApiScene extends AsyncDisposable {
  readonly scene: Scene;
  readonly proxy: ApiProxy;
}

/** Starts it, the controller with these flags. `await using` ends it. */
export async function startApiScene(before: "source" | "dr", flags: readonly string[] = []): Promise<ApiScene> {
  const scene = await startScene({ controller: false });
  const proxy = startApiProxy(before === "dr" ? scene.dr : scene.source);
  if (before === "dr") {
    await connectDr(scene.source, "dr", proxy.kubeconfig((await installDr(scene.dr)).kubeconfig));
  } else {
    const direct = await Deno.readTextFile(scene.kubeconfigPath);
    await Deno.writeTextFile(scene.kubeconfigPath, proxy.kubeconfig(direct), { mode: 0o600 });
  }
  await scene.startController(flags);
  return {
    scene,
    proxy,
    async [Symbol.asyncDispose]() {
      await scene[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}
