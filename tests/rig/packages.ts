/**
 * What a node needs of this machine: Linux, root, and programs that Debian packages bring.
 *
 * @module
 */
import { MissingRequirement } from "./go.ts";

/** A program (or a file, by its path) that is looked for, and the package that has it. */
const needed: readonly (readonly [string, string])[] = [
  ["containerd", "containerd"],
  ["runc", "runc"],
  ["/usr/lib/cni/ptp", "containernetworking-plugins"],
  ["iptables", "iptables"],
  ["ip", "iproute2"],
  ["buildah", "buildah"],
  ["debootstrap", "debootstrap"],
  ["nsenter", "util-linux"],
  ["flock", "util-linux"],
];

/** What this machine is, as far as nodes care. */
export interface Machine {
  readonly os: string;
  readonly isRoot: boolean;
  readonly hasApt: boolean;
  /** Packages whose programs are not there. */
  readonly missing: readonly string[];
}

/** What is to be done before nodes can run. @throws {MissingRequirement} when that takes somebody else */
export function planPackages({ os, isRoot, hasApt, missing }: Machine): readonly string[] {
  if (os !== "linux") throw new MissingRequirement(`Cannot run nodes on ${os}: use Linux`);
  if (!isRoot) throw new MissingRequirement("Cannot run nodes without being root: run this as root");
  if (missing.length === 0 || hasApt) return missing;
  throw new MissingRequirement(
    `Cannot run nodes as programs are missing: install what Debian calls ${missing.join(", ")}`,
  );
}

/** Looks at this machine. */
export async function readMachine(): Promise<Machine> {
  const { os } = Deno.build;
  if (os !== "linux") return { os, isRoot: false, hasApt: false, missing: [] };
  const wanted = needed.map(([program]) => program);
  const [first = "", ...found] = (await runShell(lookScript, wanted)).output.trim().split("\n");
  const missing = needed.filter(([program]) => !found.includes(program)).map(([, name]) => name);
  return {
    os,
    isRoot: first.trim() === "0",
    hasApt: found.includes("apt-get"),
    missing: [...new Set(missing)],
  };
}

const lookScript = `PATH=$PATH:/usr/sbin:/sbin
id -u
for program in apt-get "$@"; do command -v "$program" >/dev/null && echo "$program"; done; :`;

/** Installs packages. @throws {Error} with the last lines of apt's output when that fails */
export async function installPackages(names: readonly string[], signal?: AbortSignal): Promise<void> {
  const { success, output } = await runShell(installScript, names, signal);
  signal?.throwIfAborted();
  if (success) return;
  const lines = output.trim().split("\n").slice(-10).join("\n");
  throw new Error(`Cannot install ${names.join(", ")} as apt-get failed; its last lines:\n${lines}`);
}

const installScript = `export DEBIAN_FRONTEND=noninteractive PATH=$PATH:/usr/sbin:/sbin
wait="-o DPkg::Lock::Timeout=300"
apt-get -q $wait update && apt-get -q $wait install -y --no-install-recommends "$@"`;

async function runShell(script: string, args: readonly string[], signal?: AbortSignal) {
  const { success, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", script, "sh", ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal,
  }).output();
  const decoder = new TextDecoder();
  return { success, output: decoder.decode(stdout) + decoder.decode(stderr) };
}
