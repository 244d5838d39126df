import assert from "node:assert/strict";
import { waitFor } from "../wait.ts";
import { ensureBinaries } from "./binaries.ts";
import { type Cluster, startCluster } from "./cluster.ts";

/** Images of Pods need not be looked for anywhere: the rig has loaded them. */
const [debian, controller] = ["debian:bookworm-slim", "dr-syncer:0.1.0"];
const deadlineMs = 120_000;
const serverCode = `Deno.serve({ port: 8080 }, () => new Response("from " + Deno.hostname()))`;

const workloads = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: web
          image: ${controller}
          command: [deno, eval, --no-config, ${JSON.stringify(serverCode)}]
          readinessProbe: { httpGet: { port: 8080 }, periodSeconds: 1 }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  type: NodePort
  selector: { app: web }
  ports: [{ port: 80, targetPort: 8080 }]
---
apiVersion: v1
kind: Pod
metadata: { name: at-host-port }
spec:
  containers:
    - name: web
      image: ${controller}
      command: [deno, eval, --no-config, ${JSON.stringify(serverCode)}]
      ports: [{ containerPort: 8080, hostPort: 18080 }]
      readinessProbe: { httpGet: { port: 8080 }, periodSeconds: 1 }
---
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: database }
spec:
  serviceName: database
  selector: { matchLabels: { app: database } }
  template:
    metadata: { labels: { app: database } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: database
          image: ${debian}
          command: [sh, -c, "echo started >>/data/log; exec sleep infinity"]
          volumeMounts: [{ name: data, mountPath: /data }]
  volumeClaimTemplates:
    - metadata: { name: data }
      spec:
        accessModes: [ReadWriteOnce]
        resources: { requests: { storage: 1Gi } }
`;

async function waitUntilReady(cluster: Cluster): Promise<void> {
  const args = ["rollout", "status", `--timeout=${deadlineMs / 1_000}s`];
  for (const name of ["deployment/web", "statefulset/database"]) {
    await cluster.kubectl([...args, name], { deadlineMs });
  }
  await cluster.kubectl(["wait", "--for=condition=Ready", "pod/at-host-port", "--timeout=60s"]);
}

/** What a program of Deno in a Pod of the cluster writes. */
async function evaluateInPod(cluster: Cluster, code: string): Promise<string> {
  const { stdout } = await cluster.kubectl(["exec", "deployment/web", "--", "deno", "eval", "--no-config", code]);
  return stdout.trim();
}

/** Asks an API server, whose certificate is checked, who the Pod is there. */
async function whoAmI(cluster: Cluster, url: string, caPem: string): Promise<string> {
  const code = `
    const client = Deno.createHttpClient({ caCerts: [${caPem}] });
    const token = Deno.readTextFileSync("/var/run/secrets/kubernetes.io/serviceaccount/token");
    const answer = await fetch(${url} + "/apis/authentication.k8s.io/v1/selfsubjectreviews", {
      client,
      method: "POST",
      headers: { authorization: "Bearer " + token, "content-type": "application/json" },
      body: JSON.stringify({ apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" }),
    });
    const text = await answer.text();
    console.log(answer.status, JSON.parse(text).status?.userInfo?.username);`;
  return await evaluateInPod(cluster, code);
}

Deno.test("two clusters with nodes", async (test) => {
  const clusters = await Promise.all(["source", "dr"].map((name) => startCluster({ name, nodes: true })));
  await using source = clusters[0]!;
  await using dr = clusters[1]!;
  await Promise.all(clusters.map((cluster) => cluster.kubectl(["apply", "-f", "-"], { stdin: workloads })));

  await test.step("Pods of a Deployment and of a StatefulSet run on it", async () => {
    await Promise.all(clusters.map(waitUntilReady));
    const args = ["get", "pods", "-o", "jsonpath={range .items[*]}{.spec.nodeName} {.status.hostIP}{'\\n'}{end}"];
    const lines = (await dr.kubectl(args)).stdout.trim().split("\n");
    assert.deepEqual(lines, Array(4).fill(`dr ${dr.node!.address}`));
  });

  await test.step("a claim is bound, and keeps what a Pod wrote for the Pod after it", async () => {
    const phase = ["get", "pvc", "data-database-0", "-o", "jsonpath={.status.phase} {.spec.storageClassName}"];
    assert.equal((await source.kubectl(phase)).stdout, "Bound standard");
    const read = () => source.kubectl(["exec", "database-0", "--", "cat", "/data/log"], { allowFailure: true });
    assert.equal((await read()).stdout, "started\n");
    await source.kubectl(["delete", "pod", "database-0"]);
    await waitFor("the next Pod's line", async () => (await read()).stdout === "started\nstarted\n", { deadlineMs });
  });

  await test.step("a Pod reaches its own API server by the Service, and the other one by address", async () => {
    const own = `"https://" + Deno.env.get("KUBERNETES_SERVICE_HOST") + ":" + Deno.env.get("KUBERNETES_SERVICE_PORT")`;
    const ownCa = `Deno.readTextFileSync("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt")`;
    assert.equal(await whoAmI(source, own, ownCa), "201 system:serviceaccount:default:default");
    const [url, ca] = [JSON.stringify(dr.server), JSON.stringify(dr.caPem)];
    assert.equal(await whoAmI(source, url, ca), "401 undefined", "a token of another cluster");
    const range = ["get", "service", "kubernetes", "-o", "jsonpath={.spec.clusterIP}"];
    assert.notEqual((await source.kubectl(range)).stdout, (await dr.kubectl(range)).stdout);
  });

  await test.step("a Pod reaches Pods of the other cluster by NodePort and by host port", async () => {
    const args = ["get", "service", "web", "-o", "jsonpath={.spec.ports[0].nodePort}"];
    const ports = [Number((await dr.kubectl(args)).stdout), 18080];
    const pods = (await dr.kubectl(["get", "pods", "-o", "jsonpath={.items[*].metadata.name}"])).stdout.split(" ");
    for (const port of ports) {
      const url = JSON.stringify(`http://${dr.node!.address}:${port}/`);
      const answer = await evaluateInPod(source, `console.log(await (await fetch(${url})).text())`);
      assert.ok(pods.includes(answer.replace("from ", "")), `${url} answers "${answer}"`);
    }
  });

  await test.step("a port of a Pod is forwarded", async () => {
    const { kubectl } = await ensureBinaries(undefined, ["kubectl"]);
    await using forward = new Deno.Command(kubectl, {
      args: [`--kubeconfig=${dr.kubeconfigPath}`, "port-forward", "pod/at-host-port", ":8080"],
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const reader = forward.stdout.getReader();
    const { value } = await reader.read();
    const [, port] = new TextDecoder().decode(value).match(/127\.0\.0\.1:(\d+)/) ?? [];
    const answer = await fetch(`http://127.0.0.1:${port}/`);
    assert.equal(await answer.text(), "from at-host-port");
    // Not earlier: it tells each connection, and ends when nobody listens.
    await reader.cancel();
  });

  await test.step("a program runs in the node's namespaces", async () => {
    const { code, stdout } = await source.node!.run(["ip", "-brief", "address", "show", "eth0"]);
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(` ${source.node!.address}/24 `));
  });

  await test.step("a restart of the API server changes nothing for Pods", async () => {
    await dr.restartApiServer("SIGKILL");
    await waitFor("exec in a Pod", () => dr.kubectl(["exec", "database-0", "--", "true"]), { deadlineMs });
  });
});

Deno.test("a node of an older version than it has is refused", async () => {
  const start = startCluster({ name: "old", version: "1.30", nodes: true });
  await assert.rejects(start, /Cannot start old with a node: only 1\.36\.3 has one, not 1\.30/);
});
