/**
 * A webhook that authorizes, as those of managed clusters do: API servers ask it, and cannot list what it allows.
 *
 * @module
 */
import { stringify } from "yaml";
import { issueCa, issueLeaf } from "../../webhook/x509.ts";

const DAY_MS = 86_400_000;

/** What an API server asks about a resource; empty strings for what it leaves out. */
export interface AccessQuestion {
  readonly user: string;
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly namespace: string;
}

/** A running authorizer. `await using` ends it. */
export interface Authorizer extends AsyncDisposable {
  /** Arguments of the API server that is to ask it after RBAC. */
  readonly apiServerArgs: readonly string[];
}

/** Starts an authorizer that allows what `allows` says and has no opinion on anything else. */
export async function startAuthorizer(allows: (question: AccessQuestion) => boolean): Promise<Authorizer> {
  const validity = { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + DAY_MS) };
  const ca = issueCa("authorizer", validity);
  const leaf = issueLeaf(ca, ["127.0.0.1"], validity);
  const stop = new AbortController();
  const listen = { hostname: "127.0.0.1", port: 0, cert: leaf.certPem, key: leaf.keyPem, signal: stop.signal };
  const server = Deno.serve({ ...listen, onListen: () => {} }, async (request) => {
    const { apiVersion, kind, spec } = await request.json();
    const { verb = "", group = "", resource = "", namespace = "" } = spec.resourceAttributes ?? {};
    const allowed = spec.resourceAttributes !== undefined &&
      allows({ user: spec.user, verb, group, resource, namespace });
    return Response.json({ apiVersion, kind, spec, status: { allowed } });
  });
  const file = await Deno.makeTempFile();
  const url = `https://127.0.0.1:${server.addr.port}/`;
  await Deno.writeTextFile(
    file,
    stringify({
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "authorizer", cluster: { server: url, "certificate-authority-data": btoa(ca.certPem) } }],
      users: [{ name: "api-server", user: {} }],
      contexts: [{ name: "authorizer", context: { cluster: "authorizer", user: "api-server" } }],
      "current-context": "authorizer",
    }),
  );
  return {
    apiServerArgs: [
      "--authorization-mode=Webhook",
      `--authorization-webhook-config-file=${file}`,
      "--authorization-webhook-version=v1",
    ],
    async [Symbol.asyncDispose]() {
      stop.abort();
      await server.finished;
      await Deno.remove(file);
    },
  };
}
