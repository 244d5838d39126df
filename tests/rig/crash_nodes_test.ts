import assert from "node:assert/strict";
import { join } from "node:path";
import { waitFor } from "../wait.ts";
import { ensureBinaries } from "./binaries.ts";
import { startCluster } from "./cluster.ts";
import { type Elsewhere, startElsewhere } from "./elsewhere.ts";
import { runKubectl } from "./kubectl.ts";
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

/** Processes and their namespaces, mounts, cgroups, links, the number, the cluster's folder, the volume's. */
const lookScript = `directory=$1 number=$2 volume=$3
shift 3
seen=$(readlink /proc/[0-9]*/ns/net /proc/[0-9]*/ns/pid_for_children /proc/[0-9]*/ns/mnt)
for namespace; do echo "$seen" | grep -qxF "$namespace" && echo "process in $namespace"; done
grep -F "$directory" /proc/self/mountinfo
for path in /sys/fs/cgroup/*/drs-$number /sys/fs/cgroup/drs-$number /sys/class/net/drs-$number "$directory" "$volume"; do
  [ ! -e "$path" ] || echo "$path"
done
[ "$(readlink /run/dr-syncer-rig/$number)" != "$directory" ] || echo "number $number"`;

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
  const namespaces = await runShell('cd "/proc/$1/ns" && readlink net pid_for_children mnt', [String(node.pid)]);
  const args = [elsewhere.directory, number, volume, ...namespaces];
  return { ...elsewhere, look: () => runShell(lookScript, args) };
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
    assert.deepEqual(await started.look(), []);
  });
});
