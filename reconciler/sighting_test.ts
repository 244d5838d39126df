import assert from "node:assert/strict";
import type { KubeObject } from "../kube/types.ts";
import { Memory } from "./memory.ts";
import { type ProvenKind, Sighting } from "./sighting.ts";
import { kindOf } from "./testing.ts";

const STARTED_MS = 1_000;
const LISTED = "100";

/** A Replication that was told of these ConfigMaps, by name and resourceVersion. */
class Scene {
  readonly memory = new Memory();
  readonly suspects: string[] = [];
  provenWallMs: number | undefined;
  provable = true;
  readonly sighting: Sighting;

  constructor(known: Record<string, string>) {
    for (const [name, version] of Object.entries(known)) this.learn(name, version);
    const kind: ProvenKind = {
      kind: { name: "configmaps", source: kindOf("configmaps", "ConfigMap") },
      provable: true,
      provenWallMs: 0,
      proven: (wallMs) => this.provenWallMs = wallMs,
    };
    Object.defineProperty(kind, "provable", { get: () => this.provable });
    this.sighting = new Sighting({
      namespace: "shop",
      memory: this.memory,
      kinds: () => [kind],
      isKnown: (key, object) => {
        const entry = this.memory.get(key);
        if (object === undefined) return entry?.sourceUid === undefined;
        return entry?.sourceResourceVersion === object.metadata.resourceVersion;
      },
      suspect: (key) => this.suspects.push(key),
    }, kind);
  }

  learn(name: string, version: string): void {
    const entry = this.memory.ensure(`configmaps/${name}`);
    Object.assign(entry, { sourceUid: `uid-${name}`, sourceResourceVersion: version });
  }

  prove(): boolean {
    return this.sighting.tryToProve(STARTED_MS, LISTED);
  }

  settle(): void {
    this.sighting.settle(STARTED_MS, LISTED);
  }
}

function map(name: string, resourceVersion: string): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, uid: `uid-${name}`, resourceVersion } };
}

Deno.test("a list of known objects proves what was committed before it began", () => {
  const scene = new Scene({ a: "1", b: "2" });
  scene.sighting.see([map("a", "1")]);
  scene.sighting.see([map("b", "2")]);
  assert.equal(scene.prove(), true);
  assert.equal(scene.provenWallMs, STARTED_MS);
});

Deno.test("a change that nobody told of proves nothing, and is suspicious after a while", () => {
  const scene = new Scene({ a: "1" });
  scene.sighting.see([map("a", "9")]);
  assert.equal(scene.prove(), false);
  assert.deepEqual(scene.suspects, []);
  scene.settle();
  assert.equal(scene.provenWallMs, undefined);
  assert.deepEqual(scene.suspects, ["configmaps/a"]);
});

Deno.test("an object that is gone proves nothing until somebody told of it", () => {
  const scene = new Scene({ a: "1", b: "2" });
  scene.sighting.see([map("a", "1")]);
  assert.equal(scene.prove(), false);
  scene.memory.forgetSource("configmaps/b");
  scene.settle();
  assert.equal(scene.provenWallMs, STARTED_MS);
  assert.deepEqual(scene.suspects, []);
});

Deno.test("what the watch told of while the list was read is no gap: a newer version, a newer object", () => {
  const scene = new Scene({ a: "101", b: "102" });
  scene.sighting.see([map("a", "99")]);
  assert.equal(scene.prove(), true);
});

Deno.test("what the watch tells of late is proven, too, by the time the list began", () => {
  const scene = new Scene({ a: "1" });
  scene.sighting.see([map("a", "9")]);
  scene.prove();
  scene.learn("a", "9");
  scene.settle();
  assert.equal(scene.provenWallMs, STARTED_MS);
});

Deno.test("a watch that was lost meanwhile proves nothing, and nobody is suspected: its list tells", () => {
  const scene = new Scene({ a: "1" });
  scene.sighting.see([map("a", "9")]);
  scene.prove();
  scene.provable = false;
  scene.settle();
  assert.equal(scene.provenWallMs, undefined);
  assert.deepEqual(scene.suspects, []);
});
