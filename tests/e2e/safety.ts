/**
 * A scene with eyes on both clusters, and steps that run at the same time, each in a namespace of its own.
 *
 * @module
 */
import { waitFor } from "../wait.ts";
import { Api, configMaps, CONTROL } from "./api.ts";
import { type Printed, type Scene, type SceneOptions, startScene } from "./scene.ts";

/** Many Replications begin at the same time, on a machine that may have other things to do. */
const MIRROR_DEADLINE_MS = 120_000;

/** A scene, and reads of its clusters. `await using` ends it. */
export class SafetyScene implements AsyncDisposable {
  readonly scene: Scene;
  readonly source: Api;
  readonly dr: Api;

  constructor(scene: Scene) {
    this.scene = scene;
    this.source = new Api(scene.source);
    this.dr = new Api(scene.dr);
  }

  /** Mirrors a namespace with ConfigMaps of these names; resolves when all are in DR and the status says so. */
  async mirror(namespace: string, names: readonly string[], spec: Record<string, unknown> = {}): Promise<void> {
    await this.scene.replicate(namespace, spec);
    await this.scene.apply(configMaps(namespace, names));
    try {
      for (const name of names) await this.dr.until("configmaps", namespace, name, undefined, MIRROR_DEADLINE_MS);
      const synced = { type: "Synced", status: "True" as const };
      await this.source.condition("replications", namespace, synced, MIRROR_DEADLINE_MS);
    } catch (error) {
      const log = this.scene.controller.rawLines.filter((line) => !line.includes('"audit"')).slice(-30).join("\n");
      throw new Error(`${namespace} is not mirrored; the controller's last words:\n${log}`, { cause: error });
    }
  }

  /** Deletes ConfigMaps in the source, in one call. */
  async deleteSource(namespace: string, names: readonly string[]): Promise<void> {
    await this.scene.source.kubectl([
      "delete",
      "configmap",
      "-n",
      namespace,
      "--wait=false",
      "--ignore-not-found",
      ...names,
    ]);
  }

  /** `kubectl annotate` of a Replication. */
  async annotate(name: string, ...annotations: string[]): Promise<void> {
    const args = ["annotate", "--overwrite", "replications.dr-syncer.io", name, "-n", CONTROL, ...annotations];
    await this.scene.source.kubectl(args);
  }

  /** Writes something new in the source and waits until it is in DR: everything before it has been looked at. */
  async mark(namespace: string, name: string): Promise<void> {
    await this.scene.apply(configMaps(namespace, [name]));
    await this.dr.until("configmaps", namespace, name);
  }

  /** Waits until a Replication holds this many deletes; answers the hold. */
  async hold(replication: string, type: string, count: number): Promise<Printed> {
    const find = (object: Printed) => object.status?.holds?.find((hold: Printed) => hold.type === type);
    const held = await this.source.until(
      "replications",
      CONTROL,
      replication,
      (object) => find(object)?.count === count,
    );
    return find(held);
  }

  /** Waits for an Event about a Replication whose note holds a text. */
  async event(replication: string, text: string): Promise<Printed> {
    const look = async () =>
      (await this.source.events("Replication", replication)).find(({ note }) => note.includes(text));
    return await waitFor(`an Event of ${replication} that says ${text}`, look, { deadlineMs: 60_000 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.source[Symbol.dispose]();
    this.dr[Symbol.dispose]();
    await this.scene[Symbol.asyncDispose]();
  }
}

/** Starts a scene; see `SafetyScene`. */
export async function startSafetyScene(options: SceneOptions = {}): Promise<SafetyScene> {
  return new SafetyScene(await startScene(options));
}

/** Steps that run at the same time. Each waits mostly, and uses a namespace of its own. */
export async function together(
  t: Deno.TestContext,
  steps: Readonly<Record<string, () => Promise<void>>>,
): Promise<void> {
  const options = { sanitizeOps: false, sanitizeResources: false, sanitizeExit: false };
  await Promise.all(Object.entries(steps).map(([name, fn]) => t.step({ name, fn, ...options })));
}
