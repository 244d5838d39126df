import assert from "node:assert/strict";
import { join } from "node:path";
import { waitFor } from "../wait.ts";
import { ensureBinaries } from "./binaries.ts";
import { startCluster } from "./cluster.ts";
import { type Elsewhere, startElsewhere } from "./elsewhere.ts";
import { runKubectl } from "./kubectl.ts";
import { findRunning, readProcesses } from "./process.ts";
import { readPidFile } from "./remains.ts";

const deadlineMs = 120_000;

/** A Pod with mounts of several kinds: a volume of the machine's disk, one in memory, a token. */
const pod = `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: data }
spec:
  accessModes: [ReadWriteOnce]
  resources: { requests: { storage: 1Gi } }
---
apiVersion: v1
kind: Pod
metadata: { name: runs }
spec:
  containers:
    - name: runs
      image: debian:bookworm-slim
      command: [sleep, infinity]
      volumeMounts:
        - { name: data, mountPath: /data }
        - { name: memory, mountPath: /memory }
  volumes:
    - { name: data, persistentVolumeClaim: { claimName: data } }
    - { name: memory, emptyDir: { medium: Memory } }
`;

/** A cluster with a node that another process started, with a Pod on it. */
interface Crashing extends Elsewhere {
  /** What would be left of it, as lines; `look` is to be run again later. */
  look(): Promise<string[]>;
}

/** The lines that a script writes. */
async function runShell(script: string, args: string[]): Promise<string[]> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", script, "sh", ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
}

/** Pids of all processes in a node's cgroups or in a namespace of its first process. */
const insideScript = `find /sys/fs/cgroup/*/drs-$2 /sys/fs/cgroup/drs-$2 -name cgroup.procs -exec cat {} +
for kind in net pid_for_children mnt; do
  own=$(readlink /proc/$1/ns/$kind)
  for link in /proc/[0-9]*/ns/$kind; do
    [ "$(readlink "$link")" != "$own" ] || { pid=\${link#/proc/}; echo "\${pid%%/*}"; }
  done
done`;

/** Mounts, the cluster's folder, the volume's, the number, and cgroups and link unless the number is another's by now. */
const lookScript = `directory=$1 number=$2 volume=$3
grep -F "$directory" /proc/self/mountinfo
for path in "$directory" "$volume"; do [ ! -e "$path" ] || echo "$path"; done
owner=$(readlink /run/dr-syncer-rig/$number)
[ "$owner" != "$directory" ] || echo "number $number"
[ -z "$owner" ] || [ "$owner" = "$directory" ] || exit 0
for path in /sys/fs/cgroup/*/drs-$number /sys/fs/cgroup/drs-$number /sys/class/net/drs-$number; do
  [ ! -e "$path" ] || echo "$path"
done`;

async function startCrashing(directory: string): Promise<Crashing> {
  const elsewhere = await startElsewhere(directory, { nodes: true });
  const { kubectl } = await ensureBinaries(undefined, ["kubectl"]);
  const call = async (args: string[], stdin?: string) => {
    const kubeconfigPath = join(elsewhere.directory, "kubeconfig.yaml");
    return (await runKubectl(kubectl, kubeconfigPath, args, { stdin, deadlineMs })).stdout;
  };
  await call(["apply", "-f", "-"], pod);
  await call(["wait", "--for=condition=Ready", "pod/runs", `--timeout=${deadlineMs / 1_000}s`]);
  const number = (await Deno.readTextFile(join(elsewhere.directory, "number"))).trim();
  const volume = await call(["get", "pv", "-o", "jsonpath={.items[0].spec.hostPath.path}"]);
  const node = readPidFile(elsewhere.directory, "node");
  assert.ok(node);
  const pids = await runShell(insideScript, [String(node.pid), number]);
  const { processes } = await readProcesses([...new Set(pids.map(Number))]);
  const look = async () => {
    const running = (await findRunning(processes)).map(({ pid }) => `process ${pid}`);
    return [...running, ...await runShell(lookScript, [elsewhere.directory, number, volume])];
  };
  return { ...elsewhere, look };
}

async function inTemporaryFolder(action: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await action(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function assertNothingLeft({ look }: Crashing): Promise<void> {
  await waitFor("an end without remains", async () => (await look()).length === 0, {
    deadlineMs: 60_000,
    describe: async () => `left are ${(await look()).join(", ")}`,
  });
}

Deno.test("kill -9 of the process that started a node leaves no process, mount, cgroup, link and folder", async () => {
  await inTemporaryFolder(async (directory) => {
    const started = await startCrashing(directory);
    const before = (await started.look()).join("\n");
    for (const seen of [/process/, /drs-\d+$/m, /class\/net/, /hostpath_pv/, /number/]) assert.match(before, seen);
    started.child.kill("SIGKILL");
    await started.child.status;
    await assertNothingLeft(started);
  });
});

Deno.test("kill -9 of that process and of the supervisor: the next start removes what the node has left", async () => {
  await inTemporaryFolder(async (directory) => {
    const started = await startCrashing(directory);
    Deno.kill(started.processes.supervisor.pid, "SIGKILL");
    started.child.kill("SIGKILL");
    await started.child.status;
    assert.match((await started.look()).join("\n"), /process/, "something else has ended the node");
    await using _next = await startCluster({ name: "next", directory });
    await assertNothingLeft(started);
  });
});
