/**
 * A cluster that another process starts, which a test then kills.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { ClusterOptions } from "./cluster.ts";
import type { ProcessRef } from "./process.ts";
import { readPidFile } from "./remains.ts";

/** A cluster that another process started. */
export interface Elsewhere {
  readonly child: Deno.ChildProcess;
  readonly directory: string;
  readonly processes: Record<"supervisor" | "etcd" | "kube-apiserver", ProcessRef>;
}

/** Starts a cluster in a process of its own, which then waits. */
export async function startElsewhere(directory: string, options: Partial<ClusterOptions> = {}): Promise<Elsewhere> {
  const script = `
    import { startCluster } from ${JSON.stringify(import.meta.resolve("./cluster.ts"))};
    const options = ${JSON.stringify({ name: "elsewhere", directory, ...options })};
    const cluster = await startCluster(options);
    Deno.stdout.writeSync(new TextEncoder().encode(cluster.directory + "\\n"));
    setInterval(() => {}, 1_000);`;
  const path = join(directory, "start.ts");
  await Deno.writeTextFile(path, script);
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      `--config=${join(import.meta.dirname ?? ".", "../../deno.json")}`,
      "-A",
      "--no-check",
      path,
    ],
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  const cluster = new TextDecoder().decode(value).trim();
  const ref = (name: string) => {
    const found = readPidFile(cluster, name);
    assert.ok(found, `${name} has no pid file`);
    return found;
  };
  const processes = {
    "supervisor": ref("supervisor"),
    "etcd": ref("etcd"),
    "kube-apiserver": ref("kube-apiserver"),
  };
  return { child, directory: cluster, processes };
}
