import assert from "node:assert/strict";
import { join } from "node:path";
import { waitFor } from "../wait.ts";
import { startCluster } from "./cluster.ts";
import { type Elsewhere, startElsewhere } from "./elsewhere.ts";
import { findRunning, readProcesses } from "./process.ts";

async function waitUntilGone({ directory, processes }: Elsewhere): Promise<void> {
  const left = async () => {
    const { processes: found } = await readProcesses((await findRunning(Object.values(processes))).map((it) => it.pid));
    const there = await Deno.stat(directory).then(() => [directory], () => []);
    return [...found.map((it) => `process ${it.pid}`), ...there];
  };
  await waitFor("an end without remains", async () => (await left()).length === 0, {
    deadlineMs: 10_000,
    describe: async () => `left are ${(await left()).join(", ")}`,
  });
}

async function inTemporaryFolder(action: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await action(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("kill -9 of the process that started a cluster leaves no process and no folder", async () => {
  await inTemporaryFolder(async (directory) => {
    const started = await startElsewhere(directory);
    assert.equal((await findRunning(Object.values(started.processes))).length, 3);
    started.child.kill("SIGKILL");
    await started.child.status;
    await waitUntilGone(started);
  });
});

Deno.test("kill -9 of that process and of the supervisor: the next start removes what is left", async () => {
  await inTemporaryFolder(async (directory) => {
    const started = await startElsewhere(directory);
    Deno.kill(started.processes.supervisor.pid, "SIGKILL");
    started.child.kill("SIGKILL");
    await started.child.status;
    const { etcd } = started.processes;
    assert.equal((await findRunning([etcd])).length, 1, "something else has ended etcd");
    await using _next = await startCluster({ name: "next", directory });
    await waitUntilGone(started);
  });
});

Deno.test("a cluster whose owner runs is left alone by other starts", async () => {
  await inTemporaryFolder(async (directory) => {
    await using first = await startCluster({ name: "first", directory });
    await using _second = await startCluster({ name: "second", directory });
    assert.equal((await first.kubectl(["get", "--raw", "/readyz"])).stdout, "ok");
  });
});

Deno.test("a pid that was used again is not killed", async () => {
  await inTemporaryFolder(async (directory) => {
    const stranger = new Deno.Command("sleep", { args: ["60"] }).spawn();
    try {
      const folder = join(directory, "old-cluster");
      const gone = { pid: stranger.pid, startTime: 1 };
      await Deno.mkdir(folder);
      const { bootId } = await readProcesses([]);
      await Deno.writeTextFile(join(folder, "owner.json"), JSON.stringify({ process: gone, bootId }));
      await Deno.writeTextFile(join(folder, "etcd.pid"), `${gone.pid} ${gone.startTime}\n`);
      await using _next = await startCluster({ name: "next", directory });
      assert.equal((await readProcesses([stranger.pid])).processes.length, 1, "a stranger was killed");
      await assert.rejects(Deno.stat(folder), Deno.errors.NotFound);
    } finally {
      stranger.kill("SIGKILL");
      await stranger.status;
    }
  });
});
