/**
 * A validating webhook of somebody else: denies every write of an object with label `denied`.
 *
 * @module
 */
import { issueCa, issueLeaf } from "../../webhook/x509.ts";
import { waitFor } from "../wait.ts";
import type { Cluster } from "../rig/cluster.ts";

const NAME = "someone-else";
const DAY_MS = 86_400_000;
/** What it answers; kubectl shows it. */
export const DENIED = "denied by somebody else";

/**
 * Serves and registers it for the namespaces of a cluster; returns when the API server calls it. The label's value is the code that
 * it denies with, 403 when it is no number.
 */
export async function startDenying(cluster: Cluster, namespaces: readonly string[]): Promise<AsyncDisposable> {
  const validity = { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + DAY_MS) };
  const ca = issueCa("somebody else", validity);
  const leaf = issueLeaf(ca, ["127.0.0.1"], validity);
  const options = { hostname: "127.0.0.1", port: 0, cert: leaf.certPem, key: leaf.keyPem, onListen: () => {} };
  const server = Deno.serve(options, async (request) => {
    const { request: { uid, object } } = await request.json();
    const code = Number(object?.metadata.labels.denied) || 403;
    const response = { uid, allowed: false, status: { code, message: DENIED } };
    return Response.json({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response });
  });
  const registered = configuration(`https://127.0.0.1:${server.addr.port}/`, ca.certPem, namespaces);
  await cluster.kubectl(["apply", "-f", "-"], { stdin: JSON.stringify(registered) });
  for (const namespace of namespaces) await untilDenying(cluster, namespace);
  return {
    async [Symbol.asyncDispose]() {
      await cluster.kubectl(["delete", "validatingwebhookconfiguration", NAME]);
      await server.shutdown();
    },
  };
}

/** API servers take a moment to see a configuration. A dry run rings no bell. */
async function untilDenying(cluster: Cluster, namespace: string): Promise<void> {
  const probe = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "probe", namespace, labels: { denied: "true" } },
  };
  await waitFor("the denial of a probe", async () => {
    const args = ["create", "--dry-run=server", "-f", "-"];
    const { stderr } = await cluster.kubectl(args, { stdin: JSON.stringify(probe), allowFailure: true });
    return stderr.includes(DENIED);
  }, { deadlineMs: 20_000 });
}

function configuration(url: string, caPem: string, namespaces: readonly string[]): object {
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name: NAME },
    webhooks: [{
      name: "denies.example.com",
      clientConfig: { url, caBundle: btoa(caPem) },
      admissionReviewVersions: ["v1"],
      sideEffects: "None",
      failurePolicy: "Fail",
      objectSelector: { matchExpressions: [{ key: "denied", operator: "Exists" }] },
      namespaceSelector: {
        matchExpressions: [{ key: "kubernetes.io/metadata.name", operator: "In", values: namespaces }],
      },
      rules: [{ apiGroups: [""], apiVersions: ["v1"], resources: ["*"], operations: ["CREATE", "UPDATE", "DELETE"] }],
    }],
  };
}
