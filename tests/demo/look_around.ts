/**
 * The states as kubectl shows them, and how to look around.
 *
 * @module
 */
import { CONTROL_NAMESPACE, ORIGINAL_REPLICAS } from "../../crds/keys.ts";
import type { ControllerProcess } from "../e2e/controller_process.ts";
import type { Cluster } from "../rig/cluster.ts";
import { NAMESPACE } from "./application.ts";
import type { Board } from "./board.ts";
import { GRACE_MS } from "./play.ts";
import type { Stage } from "./stage.ts";

const originalReplicas = `ORIGINAL:.metadata.annotations.${ORIGINAL_REPLICAS.replaceAll(".", "\\.")}`;

/** Shows the states of our kinds and of the standby. No Secret is printed. */
export async function showStates(stage: Stage, board: Board, signal: AbortSignal): Promise<void> {
  const { source, dr } = stage;
  const columns = `KIND:.kind,NAME:.metadata.name,REPLICAS:.spec.replicas,${originalReplicas}`;
  const looks: [Cluster, string[]][] = [
    [source.cluster, ["get", "remoteclusters", "-n", CONTROL_NAMESPACE]],
    [source.cluster, ["get", "replications", "-n", CONTROL_NAMESPACE]],
    [dr.cluster, ["get", "deployments,statefulsets", "-n", NAMESPACE, "-o", `custom-columns=${columns}`]],
    [dr.cluster, ["get", "pods", "-n", NAMESPACE]],
  ];
  for (const [cluster, args] of looks) {
    const { stdout, stderr } = await cluster.kubectl(args, { allowFailure: true, signal });
    board.tell();
    board.tell(board.bold(`${cluster.name === "source" ? "src" : "dr"} ${args.map(quote).join(" ")}`));
    for (const line of (stdout + stderr).trimEnd().split("\n")) board.tell(line.trimEnd());
  }
}

/** Tells how to use both clusters that run no Pods. */
export function lookAround(stage: Stage, board: Board): void {
  const control = `-n ${CONTROL_NAMESPACE}`;
  const shop = `-n ${NAMESPACE}`;
  const bad = `'{"spec":{"replicationMode":"Scheduled","schedule":"0 0 31 2 *"}}'`;
  const tries: [string, string][] = [
    [`src scale deployment web ${shop} --replicas=8`, "DR keeps 0 replicas, and 8 as the original"],
    [`src set image deployment/web web=nginx:1.29-alpine ${shop}`, "the image is there at once"],
    [`src create configmap hello ${shop} --from-literal=a=b`, "so is a new object"],
    [`src delete configmap hello ${shop}`, `gone in DR after the grace of ${GRACE_MS / 1_000} s`],
    [`dr delete service web ${shop}`, "somebody deletes a copy: it comes back"],
    [`dr create configmap mine ${shop} --from-literal=a=b`, "an object that is not ours…"],
    [`src create configmap mine ${shop} --from-literal=a=c`, "…is not overwritten:"],
    [`src describe replication shop ${control}`, "its status says so (Conflict)"],
    [
      `src patch replication shop ${control} --type=merge -p ${bad}`,
      "31 February: the webhook denies it, and says why",
    ],
  ];
  offerCommands(stage, board, tries);
  const { pid } = stage.controller;
  board.tell(board.dim(`There are no nodes here: Pods stay Pending, and the controller runs as process ${pid}.`));
}

/** Tells how to reach both clusters, and commands to try, each with what comes of it. */
export function offerCommands(
  { source, dr, kubectlPath }: Stage,
  board: Board,
  tries: readonly (readonly [string, string])[],
): void {
  board.tell();
  board.tell(board.bold("Look around: paste these two lines in another terminal,"));
  board.tell(`src() { ${kubectlPath} --kubeconfig=${source.cluster.kubeconfigPath} "$@"; }`);
  board.tell(`dr() { ${kubectlPath} --kubeconfig=${dr.cluster.kubeconfigPath} "$@"; }`);
  board.tell(board.bold("then try:"));
  const width = 62;
  for (const [command, what] of tries) {
    if (command.length < width) board.tell(`  ${command.padEnd(width)}${board.dim(`# ${what}`)}`);
    else for (const line of [`  ${board.dim(`# ${what}`)}`, `  ${command}`]) board.tell(line);
  }
}

/** The last warnings in the controller's log. */
export function warningsOf({ lines }: ControllerProcess, count = 5): string[] {
  const warnings = lines.filter(({ level }) => level === "WARN" || level === "ERROR" || level === "FATAL").slice(
    -count,
  );
  return warnings.map(({ level, message }) => `controller, ${level}: ${message}`);
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`;
}
