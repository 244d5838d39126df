import assert from "node:assert/strict";
import { createKubeClient } from "../../kube/client.ts";
import { parseInlineKubeconfig } from "../../kube/config.ts";
import { isKubeError } from "../../kube/errors.ts";
import type { Exec, ExecRequest } from "../../kube/exec.ts";
import { createTransport } from "../../kube/transport.ts";
import type { KubeClient } from "../../kube/types.ts";
import { type Cluster, startCluster } from "../rig/cluster.ts";
import { waitFor } from "../wait.ts";

const pod = `
apiVersion: v1
kind: Pod
metadata: { name: shell }
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: shell
      image: debian:bookworm-slim
      command: [sleep, infinity]
`;

/** A port of the Pod's loopback interface, and what sends back all that comes there. */
const PORT = 7000;
const ECHO = `$|=1; $listener=IO::Socket::INET->new(Listen=>5,LocalAddr=>"127.0.0.1",LocalPort=>${PORT},ReuseAddr=>1);
  print "listening\\n"; $SIG{CHLD}="IGNORE";
  while($one=$listener->accept) {
    if(fork==0) { while($n=sysread($one,$b,65536)) { for($at=0;$at<$n;) { $at+=syswrite($one,$b,$n-$at,$at) } } exit }
    close $one
  }`;

/** A program in the Pod, and what it has said so far. */
interface Started {
  readonly exec: Exec;
  readonly said: () => string;
}

async function start(
  client: KubeClient,
  command: readonly string[],
  options: Partial<ExecRequest> = {},
): Promise<Started> {
  let text = "";
  const decoder = new TextDecoder();
  const exec = await client.exec({
    namespace: "default",
    pod: "shell",
    container: "shell",
    command,
    onOutput: (chunk) => text += decoder.decode(chunk, { stream: true }),
    ...options,
  });
  return { exec, said: () => text };
}

const say = (exec: Exec, text: string) => exec.write(new TextEncoder().encode(text));

async function refusal(call: Promise<unknown>): Promise<string> {
  const error = await call.then(() => undefined, (error: unknown) => error);
  assert.ok(isKubeError(error), `${error}`);
  return error.reason;
}

async function startWithPod(): Promise<Cluster> {
  const cluster = await startCluster({ name: "exec", nodes: true });
  await cluster.kubectl(["apply", "-f", "-"], { stdin: pod });
  await cluster.kubectl(["wait", "--for=condition=Ready", "pod/shell", "--timeout=90s"], { deadlineMs: 100_000 });
  await cluster.kubectl(["create", "serviceaccount", "nobody"]);
  return cluster;
}

Deno.test("programs in a Pod", async (test) => {
  await using cluster = await startWithPod();
  using client = disposable(createKubeClient(createTransport(parseInlineKubeconfig(cluster.kubeconfig))));

  await test.step("what is written to a program comes back, and its exit code", async () => {
    const { exec, said } = await start(client, [
      "sh",
      "-c",
      "for i in 1 2; do read -r line; echo $line; done; echo bad >&2; exit 3",
    ]);
    await say(exec, "one\n");
    await waitFor("the first line", () => said() === "one\n", { deadlineMs: 20_000 });
    await say(exec, "two\n");
    assert.deepEqual(await exec.ended, { kind: "exited", code: 3, errors: "bad\n" });
    assert.equal(said(), "one\ntwo\n");
  });

  await test.step("much output comes whole, and the end of the input ends the program", async () => {
    const { exec, said } = await start(client, ["cat"]);
    const line = `${"x".repeat(99)}\n`;
    for (let index = 0; index < 100; index++) await say(exec, line.repeat(100));
    await exec.endInput();
    assert.deepEqual(await exec.ended, { kind: "exited", code: 0, errors: "" });
    assert.equal(said().length, 1_000_000);
  });

  await test.step("a refusal is told as for any other call", async () => {
    assert.equal(await refusal(start(client, ["true"], { pod: "nobody" })), "NotFound");
    const credential = { namespace: "default", serviceAccount: "nobody" };
    using other = disposable(
      createKubeClient(createTransport(parseInlineKubeconfig(await cluster.kubeconfigFor(credential)))),
    );
    assert.equal(await refusal(start(other, ["true"])), "Forbidden");
    using stranger = disposable(createKubeClient(createTransport(
      parseInlineKubeconfig(await cluster.kubeconfigFor({ token: "nobody-knows-it" })),
    )));
    assert.equal(await refusal(start(stranger, ["true"])), "Unauthorized");
  });

  await test.step("a program that is not there is told", async () => {
    const { exec } = await start(client, ["/no/such/program"]);
    const end = await exec.ended;
    assert.ok(end.kind === "broken" || (end.kind === "exited" && end.code !== 0), JSON.stringify(end));
  });

  await test.step("what is sent to a port of a Pod's own network comes back", async () => {
    const listening = await start(client, ["perl", "-MIO::Socket::INET", "-e", ECHO]);
    await waitFor("the listener", () => listening.said() === "listening\n", { deadlineMs: 20_000 });
    const connection = await client.portForward({ namespace: "default", pod: "shell", port: PORT });
    const sent = crypto.getRandomValues(new Uint8Array(65_536));
    const sending = (async () => {
      for (let index = 0; index < 100; index++) await connection.send(sent.subarray(index));
    })();
    const length = 100 * sent.length - 4_950;
    const came = new Uint8Array(length);
    let count = 0;
    for await (const chunk of connection.chunks()) {
      came.set(chunk, count);
      count += chunk.length;
      if (count === length) break;
    }
    await sending;
    let at = 0;
    for (let index = 0; index < 100; at += sent.length - index++) {
      const wanted = sent.subarray(index);
      assert.ok(came.subarray(at, at + wanted.length).every((byte, offset) => byte === wanted[offset]), `${index}`);
    }
  });

  await test.step("a port that nobody listens at is told", async () => {
    const connection = await client.portForward({ namespace: "default", pod: "shell", port: PORT + 1 });
    await assert.rejects(Array.fromAsync(connection.chunks()), (error) => isKubeError(error, "Unreachable"));
    assert.equal(await refusal(client.portForward({ namespace: "default", pod: "nobody", port: PORT })), "NotFound");
  });

  await test.step("a signal closes the stream, and so does the end of the transport", async () => {
    const stop = new AbortController();
    const { exec } = await start(client, ["cat"], { signal: stop.signal });
    stop.abort();
    assert.deepEqual(await exec.ended, { kind: "closed" });
    const own = createKubeClient(createTransport(parseInlineKubeconfig(cluster.kubeconfig)));
    const second = await start(own, ["cat"]);
    own.close();
    const end = await second.exec.ended;
    assert.notEqual(end.kind, "exited");
  });

  await test.step("an opening that nobody answers ends at its deadline", async () => {
    await cluster.pause();
    assert.equal(await refusal(start(client, ["true"], { deadlineMs: 500 })), "Timeout");
    await cluster.resume();
  });

  await test.step("a server that dies breaks the stream, one that falls silent does, too", async () => {
    const dying = await start(client, ["cat"]);
    await cluster.restartApiServer("SIGKILL");
    assert.equal((await dying.exec.ended).kind, "broken");
    const silent = await waitFor("exec", () => start(client, ["cat"]), { deadlineMs: 60_000 });
    const connection = await client.portForward({ namespace: "default", pod: "shell", port: PORT });
    await cluster.pause();
    const ends: string[] = [];
    void silent.exec.ended.then(({ kind }) => ends.push(kind));
    void Array.fromAsync(connection.chunks()).catch(({ message }: Error) => ends.push(message));
    await waitFor("the ends of silent streams", () => ends.length === 2, { deadlineMs: 90_000 });
    await cluster.resume();
    assert.match(ends.sort().join(), /^Cannot connect to port .*: the server is silent,broken$/);
  });
});

function disposable(client: KubeClient): KubeClient & Disposable {
  return Object.assign(client, { [Symbol.dispose]: () => client.close() });
}
