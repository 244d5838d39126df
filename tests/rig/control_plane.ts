/**
 * The processes of one cluster: etcd, kube-apiserver, and kube-controller-manager and kube-scheduler when asked for.
 *
 * @module
 */
import { join } from "node:path";
import { waitFor } from "../wait.ts";
import {
  apiServerArguments,
  type ApiServerOptions,
  controllerManagerArguments,
  etcdArguments,
  etcdSocket,
  schedulerArguments,
  writeCredentials,
} from "./api_server.ts";
import { inlineKubeconfig } from "./kubeconfig.ts";
import { isRunning, type ProcessRef } from "./process.ts";
import type { Supervisor } from "./supervisor.ts";

/** Each step of a start takes a fraction of this, but for a machine that is very busy. */
const stepDeadlineMs = 60_000;
/** An API server waits for open requests when told to end; one that takes longer is killed. */
const gracefulStopMs = 15_000;

/** What a control plane consists of. */
export interface ControlPlaneOptions extends ApiServerOptions {
  readonly name: string;
  readonly etcdBinary: string;
  readonly controllerManagerBinary?: string;
  readonly schedulerBinary?: string;
  readonly signal?: AbortSignal;
}

/** One answer of the API server. */
export interface Answer {
  readonly httpStatus: number;
  readonly text: string;
}

/** A running control plane. */
export interface ControlPlane {
  readonly server: string;
  readonly caPem: string;
  readonly adminToken: string;
  readonly apiServer: ProcessRef;
  /** A call as administrator. @throws {Error} when the server does not answer */
  request(method: string, path: string, body?: unknown): Promise<Answer>;
  startApiServer(): Promise<void>;
  stopApiServer(signal: Deno.Signal): Promise<void>;
  signalApiServer(signal: Deno.Signal): Promise<void>;
  /** Stops API server and etcd, lets somebody at etcd's folder, and starts both again. */
  withDataAtRest(act: (dataDirectory: string) => Promise<void>): Promise<void>;
  /** Drops connections; the processes are the supervisor's to end. May be called more than once. */
  close(): void;
}

/** Starts etcd, then the API server, then the controller manager; returns once all of them work. */
export async function startControlPlane(supervisor: Supervisor, options: ControlPlaneOptions): Promise<ControlPlane> {
  const { directory, signal } = options;
  const host = options.node?.addresses.address ?? "127.0.0.1";
  const server = `https://${host}:${options.port}`;
  const adminToken = await writeCredentials(directory, options.node?.users);
  let etcd = await startEtcd(supervisor, options);
  const startApi = () => supervisor.start("kube-apiserver", apiServerArguments(options));
  let apiServer = await startApi();
  const caPem = await readCertificate(directory, apiServer, signal);
  const client = Deno.createHttpClient({ caCerts: [caPem] });
  let closed = false;
  const request = (method: string, path: string, body?: unknown) => {
    return call(client, server + path, adminToken, method, body);
  };
  const ready = () => waitUntilReady(request, directory, apiServer, signal);
  try {
    await ready();
    await Deno.writeTextFile(join(directory, "ca.crt"), caPem);
    const kubeconfig = inlineKubeconfig(options.name, server, caPem, adminToken);
    await Deno.writeTextFile(join(directory, "kubeconfig.yaml"), kubeconfig, { mode: 0o600 });
    if (options.controllerManagerBinary !== undefined) {
      await startControllerManager(supervisor, options.controllerManagerBinary, request, options);
    }
    if (options.schedulerBinary !== undefined) {
      await supervisor.start("kube-scheduler", schedulerArguments(options.schedulerBinary));
    }
  } catch (error) {
    client.close();
    throw error;
  }
  return {
    server,
    caPem,
    adminToken,
    get apiServer() {
      return apiServer;
    },
    request,
    async startApiServer() {
      if (await isRunning(apiServer)) return;
      await untilFree(host, options.port);
      apiServer = await startApi();
      await ready();
    },
    stopApiServer: (stopSignal) => stopApiServer(supervisor, apiServer, stopSignal),
    async withDataAtRest(act) {
      await stopApiServer(supervisor, apiServer, "SIGTERM");
      await supervisor.signal("etcd", etcd, "SIGTERM");
      // What tells that etcd is at work.
      await Deno.remove(join(directory, etcdSocket)).catch(() => {});
      await act(join(directory, "etcd"));
      etcd = await startEtcd(supervisor, options);
      await untilFree(host, options.port);
      apiServer = await startApi();
      await ready();
    },
    signalApiServer: (anySignal) => supervisor.signal("kube-apiserver", apiServer, anySignal),
    close() {
      if (!closed) client.close();
      closed = true;
    },
  };
}

/** A process that was killed counts as gone before the kernel has closed what its other threads still hold. */
async function untilFree(hostname: string, port: number): Promise<void> {
  await waitFor(`${hostname}:${port} free`, async () => {
    try {
      (await Deno.connect({ hostname, port })).close();
      return false;
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionRefused) return true;
      throw error;
    }
  }, { deadlineMs: stepDeadlineMs, pollMs: 20 });
}

async function startEtcd(
  supervisor: Supervisor,
  { directory, etcdBinary, signal }: ControlPlaneOptions,
): Promise<ProcessRef> {
  const etcd = await supervisor.start("etcd", etcdArguments(etcdBinary));
  await waitWhileRunning("etcd", directory, etcd, signal, async () => {
    await Deno.stat(join(directory, etcdSocket));
    return true;
  });
  return etcd;
}

/** The authority of the certificate that the API server makes for itself: the last one in its file. */
async function readCertificate(directory: string, apiServer: ProcessRef, signal?: AbortSignal): Promise<string> {
  return await waitWhileRunning("kube-apiserver", directory, apiServer, signal, async () => {
    // The key is written after the certificate.
    await Deno.stat(join(directory, "certs/apiserver.key"));
    const text = await Deno.readTextFile(join(directory, "certs/apiserver.crt"));
    return text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g)?.at(-1);
  });
}

type Request = ControlPlane["request"];

async function waitUntilReady(request: Request, directory: string, apiServer: ProcessRef, signal?: AbortSignal) {
  await waitWhileRunning("kube-apiserver", directory, apiServer, signal, async () => {
    const { httpStatus, text } = await request("GET", "/readyz");
    if (httpStatus !== 200) throw new Error(`/readyz answers ${httpStatus} ${text.slice(0, 500)}`);
    return true;
  });
}

async function startControllerManager(
  supervisor: Supervisor,
  binary: string,
  request: Request,
  { directory, signal }: ControlPlaneOptions,
) {
  const name = "kube-controller-manager";
  const process = await supervisor.start(name, controllerManagerArguments(binary));
  await waitWhileRunning(name, directory, process, signal, async () => {
    const { httpStatus } = await request("GET", "/api/v1/namespaces/default/serviceaccounts/default");
    return httpStatus === 200;
  });
}

async function stopApiServer(supervisor: Supervisor, apiServer: ProcessRef, signal: Deno.Signal): Promise<void> {
  const name = "kube-apiserver";
  // A stopped process takes no other signal than this one and SIGKILL.
  await supervisor.signal(name, apiServer, "SIGCONT");
  try {
    await supervisor.signal(name, apiServer, signal, gracefulStopMs);
  } catch {
    await supervisor.signal(name, apiServer, "SIGKILL");
  }
}

/** Waits for a condition, but no longer than the process runs; a failure tells the last lines of its log. */
export async function waitWhileRunning<T>(
  name: string,
  directory: string,
  process: ProcessRef,
  signal: AbortSignal | undefined,
  condition: () => Promise<T | undefined | false>,
): Promise<T> {
  const log = () => `the end of its log:\n${lastLines(join(directory, `${name}.log`))}`;
  const result = await waitFor(`${name} at work`, async () => {
    if (!await isRunning(process)) return { ended: true as const };
    const value = await condition();
    return value === undefined || value === false ? undefined : { ended: false as const, value };
  }, { deadlineMs: stepDeadlineMs, pollMs: 30, signal, describe: log });
  if (result.ended) throw new Error(`Cannot start ${name} as it ended by itself; ${log()}`);
  return result.value;
}

async function call(client: Deno.HttpClient, url: string, token: string, method: string, body?: unknown) {
  const response = await fetch(url, {
    client,
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  return { httpStatus: response.status, text: await response.text() };
}

function lastLines(path: string): string {
  try {
    return Deno.readTextFileSync(path).trimEnd().split("\n").slice(-15).join("\n");
  } catch (error) {
    return `(${error instanceof Error ? error.message : error})`;
  }
}
