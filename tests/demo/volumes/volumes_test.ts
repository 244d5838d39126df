import assert from "node:assert/strict";
import type { KubeObject } from "../../../kube/types.ts";
import { PODS } from "../../../reconciler/builtin_types.ts";
import { type Contents, readContents } from "./contents.ts";
import { PassView } from "./pass_view.ts";
import { formatVolumeSummary, sumUpVolumes } from "./summary.ts";

const contents: Contents = { orders: 12, files: 5, bytes: 50_000_000, sha256: "0a".repeat(32) };

Deno.test("what a Pod says of its volume is read wherever it stands, and nothing else is taken for it", () => {
  const words = `found 12 orders, 5 files, 50000000 bytes, sha256 ${contents.sha256}\nmore`;
  assert.deepEqual(readContents(words), contents);
  assert.equal(readContents(words.replace("0a0a", "0a")), undefined);
  assert.equal(readContents(""), undefined);
});

Deno.test("a round passes only if DR read what the source wrote, and that was something", () => {
  const facts = { passes: [], source: contents, dr: { ...contents }, problem: null };
  const empty = { orders: 0, files: 0, bytes: 0, sha256: contents.sha256 };
  assert.equal(sumUpVolumes(facts).passed, true);
  const others = [{ orders: 11 }, { files: 4 }, { bytes: 1 }, { sha256: "0b".repeat(32) }];
  for (const other of others) {
    const summary = sumUpVolumes({ ...facts, dr: { ...contents, ...other } });
    assert.equal(summary.passed, false, JSON.stringify(other));
    assert.ok(formatVolumeSummary(summary).some((line) => line.startsWith("NOT READ BACK: what a Pod of DR read")));
  }
  assert.equal(sumUpVolumes({ ...facts, dr: null }).passed, false);
  assert.equal(sumUpVolumes({ ...facts, source: empty, dr: empty }).passed, false);
  const late = sumUpVolumes({ ...facts, problem: "Cannot see a pass" });
  assert.equal(late.passed, false);
  assert.ok(formatVolumeSummary(late).includes("NOT READ BACK: Cannot see a pass"));
});

/** A view whose clock stands still, and what it tells. */
function view() {
  const told: string[] = [];
  const passing: string[] = [];
  const passView = new PassView("data", {
    tell: (line) => told.push(line.trim()),
    progress: (line) => passing.push(line.trim()),
    nowMs: () => 0,
  });
  const pod = (change: "Added" | "Modified" | "Deleted", isReady: boolean, labels: Record<string, string>) => {
    const object: KubeObject = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "agent-1", labels, annotations: { "dr-syncer.io/claim": "data" } },
      spec: { nodeName: "dr" },
      status: { conditions: [{ type: "Ready", status: isReady ? "True" : "False" }] },
    };
    passView.pod("dr", { type: PODS, change, object, atMs: 0, initial: false });
  };
  const status = (volume: object) => {
    const volumes = [{ name: "other", phase: "Failed" }, { name: "data", ...volume }];
    passView.status({ apiVersion: "", kind: "Replication", metadata: { name: "shop" }, status: { volumes } });
  };
  return { told, passing, pod, status, passView };
}

Deno.test("an agent is told of when it is made, runs and is gone, and nobody else's Pod is", () => {
  const { told, pod, passView } = view();
  const agent = { "dr-syncer.io/component": "agent" };
  pod("Added", true, {});
  pod("Added", false, agent);
  pod("Modified", true, agent);
  pod("Modified", true, agent);
  assert.equal(passView.isQuiet, false);
  pod("Modified", false, agent);
  pod("Deleted", false, agent);
  assert.deepEqual(told, [
    "0.0 s  dr      Pod agent-1 made",
    "0.0 s  dr      Pod agent-1 runs on node dr: mounts the copy, pulls",
    "0.0 s  dr      Pod agent-1 gone",
  ]);
  assert.equal(passView.isQuiet, true);
});

Deno.test("a volume is told of when its phase changes, and how far it is in between", () => {
  const { told, passing, status, passView } = view();
  status({ phase: "Syncing" });
  for (const percent of [30, 30, 60]) status({ phase: "Syncing", percent });
  const end = { phase: "Synced", files: 2, bytes: 2_097_152, transferredBytes: 1_024, duration: "15ms" };
  status({ ...end, syncedUpTo: "2026-01-01T00:00:00Z" });
  status({ phase: "Held", reason: "SourceShrank", message: "the source holds 0 entries" });
  assert.deepEqual(told, [
    "0.0 s  volume  data: Syncing",
    "0.0 s  volume  data: Synced in 15ms: 2 files, 2.0 MiB; files of 1.0 KiB were new or had changed",
    "0.0 s  volume  data: Held, SourceShrank, the source holds 0 entries",
  ]);
  assert.deepEqual(passing, ["0.0 s  volume  data: 30 %", "0.0 s  volume  data: 60 %"]);
  assert.equal(passView.volume?.reason, "SourceShrank");
});
