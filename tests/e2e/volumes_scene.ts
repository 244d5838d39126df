/**
 * Two clusters with nodes, an application that writes to a volume in the source, and eyes on what comes of it in DR.
 *
 * @module
 */
import type { Cluster } from "../rig/cluster.ts";
import { waitFor } from "../wait.ts";
import { blocksOf, openShell } from "./guide_shell.ts";
import { type Printed, type Scene, type SceneOptions, startScene } from "./scene.ts";

/** The API server of a cluster with a node asks the webhook by the bridge's address. */
const FLAGS = ["--host", "0.0.0.0", "--webhook-url", "https://198.18.0.254:0"];

/** Agents come and go several times, on a machine that may have other things to do. */
export const DEADLINE_MS = 120_000;

/** Namespace of the application, in both clusters. */
export const APP = "shop";
/** Its claim. */
export const CLAIM = "data-database-0";

/** Writes numbers, one a line, until `/tmp/stop` is there; keeps away from what else is on the volume. */
const WRITER = "n=0; while sleep 0.1; do [ -e /tmp/stop ] || { n=$((n + 1)); echo $n >>/data/log; }; done";

/** A StatefulSet of one Pod with a volume. */
export const database = {
  apiVersion: "apps/v1",
  kind: "StatefulSet",
  metadata: { name: "database", namespace: APP },
  spec: {
    serviceName: "database",
    replicas: 1,
    selector: { matchLabels: { app: "database" } },
    template: {
      metadata: { labels: { app: "database" } },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [{
          name: "database",
          image: "debian:bookworm-slim",
          command: ["sh", "-c", WRITER],
          volumeMounts: [{ name: "data", mountPath: "/data" }],
        }],
      },
    },
    volumeClaimTemplates: [{
      metadata: { name: "data" },
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
    }],
  },
};

/** A claim that no Pod uses, empty. */
export const ATTIC = "attic";

/** The claim of that name. */
export const attic = {
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: { name: ATTIC, namespace: APP },
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
};

/** A scene whose clusters run Pods, with the permissions that volumes take. */
export async function startVolumeScene(options: SceneOptions = {}): Promise<Scene> {
  const nodes = { nodes: true, agents: true } as const;
  return await startScene({ overlay: "overlays/volumes", source: nodes, dr: nodes, flags: FLAGS, ...options });
}

/** Starts another controller for such a scene. */
export async function restartController(scene: Scene): Promise<void> {
  await scene.startController(FLAGS, `again-${scene.controllers.length}`);
}

/** Runs a shell in the application's Pod. */
export async function inDatabase(scene: Scene, script: string): Promise<string> {
  const { stdout } = await scene.source.kubectl(["exec", "-n", APP, "database-0", "--", "sh", "-c", script]);
  return stdout;
}

/** The volume's entry in the status of a Replication. */
export async function volumeOf(scene: Scene, replication: string, claim = CLAIM): Promise<Printed | undefined> {
  const object = await scene.get(scene.source, "replications.dr-syncer.io", replication, "dr-syncer-system");
  return object?.status?.volumes?.find(({ name }: Printed) => name === claim);
}

/** Waits until the volume's entry is as the test wants it. */
export async function untilVolume(
  scene: Scene,
  replication: string,
  condition: (volume: Printed) => boolean,
  claim = CLAIM,
): Promise<Printed> {
  let last: Printed | undefined;
  return await waitFor(`volume ${claim} of ${replication} as wanted`, async () => {
    last = await volumeOf(scene, replication, claim);
    return last !== undefined && condition(last) ? last : undefined;
  }, { deadlineMs: DEADLINE_MS, pollMs: 300, describe: () => JSON.stringify(last) });
}

/** Waits until the counts over all volumes are as the test wants them. */
export async function untilStats(
  scene: Scene,
  replication: string,
  condition: (stats: Printed) => boolean,
): Promise<Printed> {
  let last: Printed | undefined;
  return await waitFor(`volumeStats of ${replication} as wanted`, async () => {
    const object = await scene.get(scene.source, "replications.dr-syncer.io", replication, "dr-syncer-system");
    last = object?.status?.volumeStats;
    return last !== undefined && condition(last) ? last : undefined;
  }, { deadlineMs: DEADLINE_MS, pollMs: 300, describe: () => JSON.stringify(last) });
}

/** Waits for an Event of a Replication. */
export async function untilEvent(scene: Scene, reason: string, note: RegExp): Promise<void> {
  let last: string[] = [];
  const args = ["get", "events", "-n", "dr-syncer-system", "-o", "json", `--field-selector=reason=${reason}`];
  await waitFor(`an Event ${reason}`, async () => {
    const { items } = JSON.parse((await scene.source.kubectl(args)).stdout);
    last = items.map(({ message }: Printed) => message);
    return last.some((message) => note.test(message));
  }, { deadlineMs: DEADLINE_MS, describe: () => last.join("\n") });
}

/** Asks for a full sync. */
export async function syncNow(scene: Scene, replication: string, value: string): Promise<void> {
  const args = ["annotate", "--overwrite", "replications.dr-syncer.io", replication, "-n", "dr-syncer-system"];
  await scene.source.kubectl([...args, `dr-syncer.io/sync-now=${value}`]);
}

/** Everything that agents are made of, in both clusters: `CLUSTER KIND/NAME`. */
export async function agentObjects(scene: Scene): Promise<string[]> {
  const kinds = "pods,secrets,services,networkpolicies";
  const args = ["get", kinds, "-A", "-l", "dr-syncer.io/component=agent", "-o", "name"];
  const found = await Promise.all([scene.source, ...scene.drs].map(async (cluster) => {
    const { stdout } = await cluster.kubectl(args);
    return stdout.trim().split("\n").filter((line) => line !== "").map((line) => `${cluster.name} ${line}`);
  }));
  return found.flat();
}

/** What the Secrets of the agents in a cluster hold, by file; those of several agents in one. */
export async function agentKeys(cluster: Cluster): Promise<Record<string, string>> {
  const args = ["get", "secrets", "-n", APP, "-l", "dr-syncer.io/component=agent", "-o", "json"];
  const { items } = JSON.parse((await cluster.kubectl(args)).stdout) as { items: { data: Record<string, string> }[] };
  const files = items.flatMap(({ data }) => Object.entries(data));
  return Object.fromEntries(files.map(([name, text]) => [name, atob(text)]));
}

/** Runs every command of the runbook as it stands, in its order. */
export async function runRunbook(scene: Scene): Promise<void> {
  const shell = await openShell(scene.source, scene.dr);
  const [names, ...blocks] = (await blocksOf("docs/runbooks/volumes.md")).map(({ text }) => text);
  for (const block of blocks) await shell.run(`${names}${block}`);
}

/** Waits until no agent is left anywhere. */
export async function untilNoAgents(scene: Scene): Promise<void> {
  let last: string[] = [];
  await waitFor("no agents", async () => (last = await agentObjects(scene)).length === 0, {
    deadlineMs: DEADLINE_MS,
    describe: () => last.join(", "),
  });
}

/** A Pod that mounts the claim in DR; the standby's quota lets it run for its priority class. */
export async function withReader<T>(dr: Cluster, use: (run: (script: string) => Promise<string>) => Promise<T>) {
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "reader", namespace: APP },
    spec: {
      terminationGracePeriodSeconds: 0,
      priorityClassName: "dr-syncer-agent",
      containers: [{
        name: "reader",
        image: "debian:bookworm-slim",
        command: ["sleep", "infinity"],
        volumeMounts: [{ name: "data", mountPath: "/data" }],
      }],
      volumes: [{ name: "data", persistentVolumeClaim: { claimName: CLAIM } }],
    },
  };
  await dr.kubectl(["create", "-f", "-"], { stdin: JSON.stringify(pod) });
  await dr.kubectl(["wait", "--for=condition=Ready", "-n", APP, "pod/reader", "--timeout=90s"], {
    deadlineMs: 100_000,
  });
  try {
    return await use(async (script) => {
      return (await dr.kubectl(["exec", "-n", APP, "reader", "--", "sh", "-c", script])).stdout;
    });
  } finally {
    await dr.kubectl(["delete", "pod", "-n", APP, "reader", "--wait"], { deadlineMs: 60_000 });
  }
}
