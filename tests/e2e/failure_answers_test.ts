/**
 * What real API servers answer to a copy that they do not take, and the class it is put in.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createKubeClient } from "../../kube/client.ts";
import { createTransport } from "../../kube/transport.ts";
import type { KubeClient, KubeObject, ResourceType } from "../../kube/types.ts";
import { classify, type FailureClass } from "../../reconciler/failure.ts";
import { addressOf, typeOf } from "../kube/connections.ts";
import { type Cluster, startCluster } from "../rig/cluster.ts";
import { waitFor } from "../wait.ts";
import { DENIED, startDenying } from "./denying_webhook.ts";
import { CONFIG_MAPS, configMap, connect, namespace, NAMESPACES, SECRETS } from "./webhook_scene.ts";

interface Row {
  readonly situation: string;
  readonly write: () => Promise<unknown>;
  readonly expected: FailureClass;
  /** What a person is told. */
  readonly words: RegExp;
}

for (const version of ["1.36", "1.30"]) {
  Deno.test(`what a DR cluster ${version} answers, by class`, async (t) => {
    await using cluster = await startCluster({ name: "answers", version });
    const client = connect(cluster.kubeconfig);
    for (const name of ["app", "ending"]) await client.create(NAMESPACES, namespace(name));
    await client.delete(NAMESPACES, { name: "ending" });
    await using _denying = await startDenying(cluster, ["app"]);
    await restrict(cluster);
    const nobody = await connectAsNobody(cluster);
    const rows = [...denials(client), ...limits(client), ...absences(client), ...refusals(cluster, client, nobody)];
    for (const { situation, write, expected, words } of rows) {
      await t.step(`${situation}: ${expected}`, async () => {
        const failure = classify(await write().then(() => "no error", (error: unknown) => error));
        assert.equal(failure.failureClass, expected, failure.message);
        assert.match(failure.message, words);
      });
    }
    for (const one of [client, nobody]) one.close();
  });
}

/** A write as `mirror.ts` creates a copy. */
function create(client: KubeClient, type: ResourceType, object: KubeObject): Promise<unknown> {
  const metadata = { ...object.metadata, resourceVersion: "1" };
  return client.apply(type, { ...object, metadata }, { fieldManager: "dr-syncer" });
}

function labelled(label: string, value: string): KubeObject {
  const object = configMap("app", `labelled-${value}`);
  return { ...object, metadata: { ...object.metadata, labels: { [label]: value } } };
}

/** Whatever code the webhook answers with, its name is told. */
function denials(client: KubeClient): Row[] {
  const codes = ["400", "403", "404", "409", "422", "500"];
  const rows = codes.map((code): Row => ({
    situation: `a webhook denies with ${code}`,
    write: () => create(client, CONFIG_MAPS, labelled("denied", code)),
    expected: "Denied",
    words: new RegExp(`denies\\.example\\.com.*${DENIED}`),
  }));
  const secret = { ...labelled("denied", "yes"), kind: "Secret" };
  return [...rows, {
    situation: "a webhook denies a Secret",
    write: () => create(client, SECRETS, secret),
    expected: "Denied",
    words: new RegExp(`denies\\.example\\.com(?!.*${DENIED})`),
  }, {
    situation: "a webhook cannot be called",
    write: () => create(client, CONFIG_MAPS, labelled("unserved", "yes")),
    expected: "Transient",
    words: /failed calling webhook "unserved\.example\.com"/,
  }, {
    situation: "Pod Security",
    write: () => create(client, typeOf("Pod", "pods"), pod()),
    expected: "Denied",
    words: /violates PodSecurity "restricted/,
  }];
}

function limits(client: KubeClient): Row[] {
  return [{
    situation: "a quota is used up",
    write: () => create(client, SECRETS, { ...configMap("app", "one"), kind: "Secret" }),
    expected: "Quota",
    words: /exceeded quota: none, requested: count\/secrets=1/,
  }, {
    situation: "a limit range",
    write: () => create(client, typeOf("PersistentVolumeClaim", "persistentvolumeclaims"), claim()),
    expected: "Quota",
    words: /maximum storage usage per PersistentVolumeClaim is 1Gi/,
  }];
}

function absences(client: KubeClient): Row[] {
  const widgets = typeOf("Widget", "widgets", { group: "none.example.com" });
  const widget = { ...configMap("app", "one"), apiVersion: "none.example.com/v1", kind: "Widget" };
  const unknown = { ...configMap("app", "one"), kind: "Widget" };
  return [{
    situation: "a namespace that ends",
    write: () => create(client, CONFIG_MAPS, configMap("ending", "one")),
    expected: "NamespaceTerminating",
    words: /ending because it is being terminated/,
  }, {
    situation: "no namespace",
    write: () => create(client, CONFIG_MAPS, configMap("nowhere", "one")),
    expected: "NamespaceMissing",
    words: /namespaces "nowhere" not found/,
  }, {
    situation: "no group",
    write: () => create(client, widgets, widget),
    expected: "KindMissing",
    words: /404 page not found/,
  }, {
    situation: "no kind in a group",
    write: () => create(client, typeOf("Widget", "widgets"), unknown),
    expected: "KindMissing",
    words: /could not find the requested resource|404 page not found/,
  }];
}

function refusals(cluster: Cluster, client: KubeClient, nobody: KubeClient): Row[] {
  const expired = createKubeClient(
    createTransport({ ...addressOf(cluster), credential: { kind: "token", token: "expired" } }),
  );
  const dead = createKubeClient(createTransport({ ...addressOf(cluster), server: "https://127.0.0.1:1" }));
  const object = configMap("app", "refused");
  const invalid = { ...object, metadata: { ...object.metadata, labels: { a: "not a label" } } };
  return [{
    situation: "a credential that may not",
    write: () => create(nobody, CONFIG_MAPS, object),
    expected: "Forbidden",
    words: /User "system:serviceaccount:app:nobody" cannot patch resource "configmaps"/,
  }, {
    situation: "a token that has expired",
    write: () => create(expired, CONFIG_MAPS, object).finally(() => expired.close()),
    expected: "Forbidden",
    words: /Unauthorized/,
  }, {
    situation: "nobody there",
    write: () => create(dead, CONFIG_MAPS, object).finally(() => dead.close()),
    expected: "Unreachable",
    words: /refused/,
  }, {
    situation: "a label that is none",
    write: () => create(client, CONFIG_MAPS, invalid),
    expected: "Invalid",
    words: /metadata\.labels/,
  }];
}

function pod(): KubeObject {
  return {
    ...configMap("app", "one"),
    kind: "Pod",
    data: undefined,
    spec: { containers: [{ name: "a", image: "a" }] },
  };
}

function claim(): KubeObject {
  const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "2Gi" } } };
  return { ...configMap("app", "one"), kind: "PersistentVolumeClaim", data: undefined, spec };
}

/** A quota, a limit range, Pod Security, and a webhook that nobody serves. */
async function restrict(cluster: Cluster): Promise<void> {
  const hard = { "count/secrets": "0" };
  const max = { storage: "1Gi" };
  const items = [
    { apiVersion: "v1", kind: "ResourceQuota", metadata: { name: "none", namespace: "app" }, spec: { hard } },
    {
      apiVersion: "v1",
      kind: "LimitRange",
      metadata: { name: "small", namespace: "app" },
      spec: { limits: [{ type: "PersistentVolumeClaim", max }] },
    },
    unserved(),
  ];
  await cluster.kubectl(["apply", "-f", "-"], { stdin: JSON.stringify({ apiVersion: "v1", kind: "List", items }) });
  await cluster.kubectl(["label", "namespace", "app", "pod-security.kubernetes.io/enforce=restricted"]);
  // As the quota controller notes it, which does not run here.
  const status = JSON.stringify({ status: { hard, used: hard } });
  const quota = ["patch", "resourcequota", "none", "-n", "app", "--subresource=status", "--type=merge", "-p", status];
  await cluster.kubectl(quota);
  await refused(cluster, ["create", "secret", "generic", "probe", "-n", "app"], /exceeded quota/);
  const probe = JSON.stringify(labelled("unserved", "yes"));
  await refused(cluster, ["create", "-f", "-"], /failed calling webhook/, probe);
}

/** What admission goes by takes a moment to reach it. */
async function refused(cluster: Cluster, args: string[], words: RegExp, stdin?: string): Promise<void> {
  await waitFor(`a refusal with ${words}`, async () => {
    const { stderr } = await cluster.kubectl([...args, "--dry-run=server"], { stdin, allowFailure: true });
    return words.test(stderr);
  }, { deadlineMs: 30_000 });
}

function unserved(): object {
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name: "unserved" },
    webhooks: [{
      name: "unserved.example.com",
      clientConfig: { url: "https://127.0.0.1:1/" },
      admissionReviewVersions: ["v1"],
      sideEffects: "None",
      failurePolicy: "Fail",
      objectSelector: { matchLabels: { unserved: "yes" } },
      rules: [{ apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"], operations: ["CREATE", "UPDATE"] }],
    }],
  };
}

async function connectAsNobody(cluster: Cluster): Promise<KubeClient> {
  await cluster.kubectl(["create", "serviceaccount", "nobody", "-n", "app"]);
  return connect(await cluster.kubeconfigFor({ namespace: "app", serviceAccount: "nobody" }));
}
