/**
 * dr-syncer: warm standbys of Kubernetes namespaces in DR clusters.
 *
 * The only file that reads the environment, exits, and handles signals. It hands the webhook's hints to the reconciler and the
 * reconciler's view of the world to the webhook; the two never meet otherwise.
 *
 * @module
 */
import { Command } from "commander";
import { controllerCommand, type ControllerFlags } from "./cli/controller_flags.ts";
import { convertCommand, convertExitCode, type ConvertFlags, formatFindings, formatObjects } from "./cli/convert.ts";
import { readManifests, VerbError } from "./cli/output.ts";
import { formatPlan, givenObjects, planCommand, planExitCode, type PlanFlags } from "./cli/plan.ts";
import { logOf, setUpLogging, tearDownLogging } from "./cli/logging.ts";
import { convertManifests } from "./crds/convert/convert.ts";
import { ManifestError } from "./crds/convert/manifest.ts";
import { createKubeClient } from "./kube/client.ts";
import { type ClusterAddress, ConfigError, inClusterConfig, parseInlineKubeconfig } from "./kube/config.ts";
import { workstationConfig } from "./kube/config_workstation.ts";
import { KubeError } from "./kube/errors.ts";
import { createEventRecorder, type EventRecorder } from "./kube/events.ts";
import { type Elector, runElector } from "./kube/elector.ts";
import { type CallReport, createTransport } from "./kube/transport.ts";
import type { Log } from "./kube/log.ts";
import { groupResource, type KubeClient } from "./kube/types.ts";
import { systemClock } from "./reconciler/clock.ts";
import { Controller } from "./reconciler/controller.ts";
import { hasOtherReplica, labelLeader, unlabelLeader } from "./reconciler/leader_label.ts";
import { createMetrics, type Metrics } from "./reconciler/metrics.ts";
import { makePlan, PlanError } from "./reconciler/plan/plan.ts";
import { type Admission, startAdmission } from "./webhook/admission.ts";
import { daysLeft, ensureCertificates, serviceHosts } from "./webhook/certs.ts";
import type { Endpoint } from "./webhook/configuration.ts";
import { createHealthApp, serveHealth } from "./webhook/health.ts";
import { Keeper } from "./webhook/keeper.ts";
import type { Hint } from "./webhook/review.ts";
import { spellingsOf, withoutStatus, type WorldSnapshot } from "./webhook/world.ts";

const VERSION = "0.1.0";
const LEADER_LEASE = "dr-syncer-controller";
const VALIDATE_SERVICE = "dr-syncer-validate";
const OBSERVE_SERVICE = "dr-syncer-observe";
/** Calls end after 30 s, and no step of a turn is made of many: one that takes longer than this is stuck. */
const STUCK_MS = 150_000;
/** Replications are compared one after the other within this part of the interval between two full resyncs. */
const RESYNC_SPAN_PART = 10;
/** A SIGTERM is answered within 10 s. */
const STOP_DEADLINE_MS = 8_000;
/** Until every node knows that this Pod takes no calls any more, some still send them here. */
const DRAIN_MS = 5_000;
/** A Lease that could not be renewed is another's 5 s later: by then nothing of ours is in flight. */
const LOST_DEADLINE_MS = 4_000;

if (import.meta.main) {
  const program = new Command("dr-syncer")
    .description("Keeps warm standbys of Kubernetes namespaces in DR clusters.")
    .version(VERSION)
    .showHelpAfterError("dr-syncer --help shows what there is.")
    .addCommand(controllerCommand(runController))
    .addCommand(planCommand(runPlan))
    .addCommand(convertCommand(runConvert));
  try {
    await program.parseAsync(Deno.args, { from: "user" });
  } catch (error) {
    const isForPeople = error instanceof ConfigError || error instanceof ManifestError || error instanceof PlanError ||
      error instanceof VerbError ||
      error instanceof KubeError;
    const message = isForPeople ? error.message : error instanceof Error ? error.stack ?? error.message : String(error);
    await print(Deno.stderr, `dr-syncer: ${message}\n`);
    Deno.exit(1);
  }
}

async function runController(flags: ControllerFlags): Promise<void> {
  await setUpLogging(flags.logLevel, flags.logFormat, Deno.stderr.writable);
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) Deno.addSignalListener(signal, () => stop.abort());
  const parts = await assemble(flags, whoAmI(flags));
  const { controller, admission, identity, log } = parts;
  const gone = new AbortController();
  const health = serveHealth(healthApp(parts), { host: flags.host, port: flags.healthPort, signal: gone.signal });
  log.info("listening", { webhookPort: admission.port, healthPort: health.port, identity });
  const spanMs = flags.resyncInterval * 60_000 / RESYNC_SPAN_PART;
  const minutes = flags.resyncInterval === 60 ? "0" : `*/${flags.resyncInterval}`;
  Deno.cron("full resync", `${minutes} * * * *`, { signal: stop.signal }, () => controller.resync(spanMs));
  const drained = aborted(stop.signal).then(() => drain(parts));
  await lead(parts, stop.signal);
  log.info("stopping", { identity });
  await shutDown(parts, drained);
  gone.abort();
  await health.finished;
  await tearDownLogging();
}

/** Shows what a sync would do; writes nothing. */
async function runPlan(flags: PlanFlags): Promise<void> {
  const given = flags.filename === undefined
    ? undefined
    : givenObjects(await readManifests(flags.filename, readText), flags.namespace);
  const client = connect(
    await workstationConfig({
      path: flags.kubeconfig,
      context: flags.context,
      env: { KUBECONFIG: Deno.env.get("KUBECONFIG"), HOME: Deno.env.get("HOME") },
      readFile: (path) => Deno.readTextFile(path),
    }),
  );
  try {
    const plan = await makePlan({
      client,
      connect,
      controlNamespace: flags.namespace,
      replication: flags.replication,
      given,
      trackingKeys: flags.trackingKey,
      clock: systemClock,
      signal: new AbortController().signal,
      hmacKey: crypto.getRandomValues(new Uint8Array(32)),
    });
    await print(Deno.stdout, formatPlan(plan, flags.output));
    Deno.exitCode = planExitCode(plan);
  } finally {
    client.close();
  }
}

/** Prints our kinds for manifests of the first version of the system. */
async function runConvert(flags: ConvertFlags): Promise<void> {
  const conversion = convertManifests(await readManifests(flags.filename, readText), flags);
  await print(Deno.stderr, formatFindings(conversion));
  await print(Deno.stdout, formatObjects(conversion, flags.output));
  Deno.exitCode = convertExitCode(conversion);
}

async function readText(file: string): Promise<string> {
  return file === "-" ? await new Response(Deno.stdin.readable).text() : await Deno.readTextFile(file);
}

async function print(stream: typeof Deno.stdout, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let written = 0; written < bytes.length;) written += await stream.write(bytes.subarray(written));
  } catch (error) {
    // Whoever read it has seen enough (`| head`).
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/** What is made only once others exist, and is asked for only after that. */
interface Late {
  keeper?: Keeper;
  elector?: Elector;
  setWorld?: () => void;
}

interface Parts extends Who {
  readonly client: KubeClient;
  readonly controller: Controller;
  readonly keeper: Keeper;
  readonly admission: Admission;
  readonly recorder: EventRecorder;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly late: Late;
}

interface Who {
  readonly namespace: string;
  /** Undefined outside of a pod. */
  readonly podName?: string;
  readonly identity: string;
}

function whoAmI(flags: ControllerFlags): Who {
  const podName = Deno.env.get("POD_NAME");
  const identity = flags.identity ?? podName ?? `${Deno.hostname()}-${Deno.pid}`;
  return { namespace: Deno.env.get("POD_NAMESPACE") ?? flags.controlNamespace, podName, identity };
}

async function assemble(flags: ControllerFlags, who: Who): Promise<Parts> {
  const { namespace, identity } = who;
  const log = logOf("controller");
  const client = connect(await ownCluster(flags));
  const metrics = createMetrics();
  const recorder = createEventRecorder({
    client,
    reportingInstance: identity,
    onError: (error) => log.debug("cannot write an event: {reason}", { reason: String(error) }),
  });
  const late: Late = {};
  const controller = new Controller({
    client,
    connect,
    controlNamespace: namespace,
    tenantMode: flags.tenantMode,
    watch: flags.watch,
    trackingKeys: flags.trackingKey,
    teardownTimeoutMs: flags.teardownTimeout,
    clock: systemClock,
    log,
    auditLog: logOf("audit"),
    metrics,
    random: Math.random,
    // Who switched them off does not miss them.
    hintsServed: (name) => !flags.observe || (late.keeper?.serves(name) ?? false),
    leads: () => late.elector?.leads() ?? false,
    event: ({ apiVersion, kind, metadata: { name, namespace, uid } }, type, reason, note) =>
      recorder.record({ apiVersion, kind, name, namespace, uid }, { type, reason, action: "Mirror", note }),
    onWorld: () => {
      late.setWorld?.();
      void late.keeper?.look();
    },
    onObserved: () => void late.keeper?.look(),
  });
  const { admission, keeper } = await startWebhook(flags, who, client, controller);
  late.keeper = keeper;
  late.setWorld = () => {
    log.debug("what the admission server judges by has changed");
    admission.setWorld(snapshot(controller, flags, namespace));
  };
  // Who does not lead hears of the world when it changes: what was known before there was a server is told now.
  if (controller.synced) late.setWorld();
  return { ...who, client, controller, keeper, admission, recorder, metrics, log, late };
}

async function startWebhook(
  flags: ControllerFlags,
  { namespace }: Who,
  client: KubeClient,
  controller: Controller,
): Promise<{ admission: Admission; keeper: Keeper }> {
  const log = logOf("webhook");
  const certificates = {
    namespace,
    hosts: [...serviceHosts([VALIDATE_SERVICE, OBSERVE_SERVICE], namespace), ...urlHosts(flags)],
    now: () => new Date(),
    report: (message: string, warning: boolean) => warning ? log.warn(message) : log.info(message),
  };
  const serving = await ensureCertificates(client, certificates);
  const admission = await startAdmission({
    host: flags.host,
    port: flags.webhookPort,
    certificate: serving,
    onHints: (hints) => controller.hints(hints.map(toHint)),
    log,
  });
  const keeper = new Keeper({
    client,
    admission,
    certificates,
    ...endpoints(flags, namespace, admission.port),
    ownUserNames: [`system:serviceaccount:${namespace}:dr-syncer`],
    namespaces: () => flags.observe ? controller.observedNamespaces : [],
    leading: () => controller.leading,
    now: () => performance.now(),
    log,
  }, serving);
  return { admission, keeper };
}

function healthApp({ controller, keeper, metrics }: Parts): ReturnType<typeof createHealthApp> {
  return createHealthApp({
    live: () => {
      const { oldestStepMs } = controller;
      const stuck = oldestStepMs > STUCK_MS;
      return {
        ok: !stuck,
        checks: { queues: stuck ? `a turn has not moved for ${Math.round(oldestStepMs)} ms` : "ok" },
      };
    },
    ready: () => ({ ok: controller.synced, checks: { caches: controller.synced ? "ok" : "not synced" } }),
    metrics: () => {
      metrics.certDaysLeft.set({ certificate: "webhook" }, daysLeft(keeper.certificates, new Date()));
      return metrics.registry.metrics();
    },
  });
}

/** Takes part in the election until the signal; leads while elected. */
async function lead(parts: Parts, stop: AbortSignal): Promise<void> {
  const { client, controller, keeper, log, namespace, podName, identity, late } = parts;
  late.elector = runElector({
    client,
    namespace,
    name: LEADER_LEASE,
    identity,
    signal: stop,
    onNewLeader: (leader) => log.info("leader is {leader}", { leader }),
    onError: (error) => log.warn("cannot take part in the election: {reason}", { reason: String(error) }),
    onStartedLeading: async (term) => {
      log.info("leading", { identity });
      await controller.lead(term);
      if (podName !== undefined && !term.aborted) {
        await labelLeader(client, namespace, podName, term).catch((error: unknown) =>
          log.warn("cannot label the leader's pod, hints go elsewhere: {reason}", { reason: String(error) })
        );
      }
      await keeper.look();
      await aborted(term);
      log.info("leading no more", { identity });
      const halted = controller.halt(stop.aborted ? STOP_DEADLINE_MS : LOST_DEADLINE_MS);
      if (stop.aborted) await removeWebhooks(parts);
      await halted;
      await controller.resign();
    },
  });
  await late.elector.done;
}

/** The leader takes `/observe` away before it goes; the last replica takes `/validate` too. */
async function removeWebhooks({ client, keeper, log, namespace, podName }: Parts): Promise<void> {
  const last = podName === undefined || !await hasOtherReplica(client, namespace, podName).catch(() => true);
  await keeper.remove(last, STOP_DEADLINE_MS / 2).catch((error: unknown) =>
    log.warn("cannot remove webhooks: {reason}", { reason: String(error) })
  );
}

/** A Service leads to a Pod for a while after that was told to end: what comes is answered, and sent elsewhere. */
async function drain({ admission, podName }: Parts): Promise<void> {
  if (podName === undefined) return;
  admission.drain();
  await new Promise((resolve) => setTimeout(resolve, DRAIN_MS));
}

async function shutDown(parts: Parts, drained: Promise<void>): Promise<void> {
  const { client, controller, keeper, admission, recorder, namespace, podName } = parts;
  await keeper.stop();
  await controller.close();
  if (podName !== undefined) await unlabelLeader(client, namespace, podName).catch(() => {});
  await recorder.close();
  await drained;
  await admission.stop(STOP_DEADLINE_MS / 4);
  client.close();
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

function connect(address: ClusterAddress, onCall?: (report: CallReport) => void): KubeClient {
  return createKubeClient(createTransport(address, { onCall }));
}

async function ownCluster(flags: ControllerFlags): Promise<ClusterAddress> {
  if (flags.kubeconfig !== undefined) return parseInlineKubeconfig(await Deno.readTextFile(flags.kubeconfig));
  const names = ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"];
  const env = Object.fromEntries(names.map((name) => [name, Deno.env.get(name)]));
  return await inClusterConfig({ env, readFile: (path) => Deno.readTextFile(path) });
}

function urlHosts({ webhookUrl }: ControllerFlags): string[] {
  return webhookUrl === undefined ? [] : [new URL(webhookUrl).hostname];
}

/** Services in a cluster, one URL outside. `:0` in the URL stands for the port that was found. */
function endpoints(flags: ControllerFlags, namespace: string, port: number): { validate: Endpoint; observe: Endpoint } {
  if (flags.webhookUrl !== undefined) {
    const url = flags.webhookUrl.replace(/:0$/, `:${port}`);
    return { validate: { url }, observe: { url } };
  }
  const service = (name: string): Endpoint => ({ service: { name, namespace, port: 443 } });
  return { validate: service(VALIDATE_SERVICE), observe: service(OBSERVE_SERVICE) };
}

function toHint(hint: Hint) {
  return { kind: groupResource(hint), namespace: hint.namespace, name: hint.name === "" ? undefined : hint.name };
}

function snapshot(controller: Controller, flags: ControllerFlags, controlNamespace: string): WorldSnapshot {
  return {
    controlNamespace,
    tenantMode: flags.tenantMode,
    localClusterId: controller.localClusterId,
    remoteClusters: controller.remoteClusters(),
    replications: controller.replications().map(withoutStatus),
    secretNames: controller.secretNames(),
    knownTypes: controller.catalogues().map(({ cluster, catalogue }) => ({
      cluster,
      spellings: spellingsOf(catalogue.discovery.types),
    })),
  };
}
