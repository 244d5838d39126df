/**
 * What moving real volumes needs of this machine: Linux, root, and programs that Debian's packages bring.
 *
 * @module
 */
import { MissingRequirement } from "../rig/go.ts";

/** A program by its path, and the package that has it. */
const NEEDED: readonly (readonly [string, string])[] = [
  ["/usr/sbin/sshd", "openssh-server"],
  ["/usr/bin/ssh", "openssh-client"],
  ["/usr/bin/rsync", "rsync"],
  ["/usr/bin/tini", "tini"],
  ["/usr/bin/setfacl", "acl"],
  ["/usr/bin/setfattr", "attr"],
  ["/usr/bin/unshare", "util-linux"],
  ["/usr/bin/setpriv", "util-linux"],
  ["/usr/sbin/mkfs.ext4", "e2fsprogs"],
];

/** Before 3.5.0 rsync has holes that the agent's image does without; Debian 12 has it in bookworm-security. */
export const RSYNC_AT_LEAST = "3.5.0";

/** What this machine is, as far as volumes care. */
export interface Machine {
  readonly os: string;
  readonly isRoot: boolean;
  readonly hasApt: boolean;
  /** Packages whose programs are not there, or are too old. */
  readonly missing: readonly string[];
}

/** What is to be installed before volumes can be moved. @throws {MissingRequirement} when that takes somebody else */
export function planPackages({ os, isRoot, hasApt, missing }: Machine): readonly string[] {
  if (os !== "linux") throw new MissingRequirement(`Cannot move volumes on ${os}: use Linux`);
  if (!isRoot) throw new MissingRequirement("Cannot move volumes without being root: run this as root");
  if (missing.length === 0 || hasApt) return missing;
  throw new MissingRequirement(
    `Cannot move volumes as programs are missing: install what Debian calls ${missing.join(", ")}` +
      ` (rsync ${RSYNC_AT_LEAST} or newer)`,
  );
}

/** Makes sure that everything is there. @throws {MissingRequirement} when that takes somebody else */
export async function ensurePackages(): Promise<void> {
  const names = planPackages(await readMachine());
  if (names.length > 0) await installPackages(names);
  // Debian's package makes it at boot; not every machine boots.
  await Deno.mkdir("/run/sshd", { recursive: true, mode: 0o755 });
  const { missing } = await readMachine();
  if (missing.length === 0) return;
  throw new MissingRequirement(
    `Cannot move volumes: after apt-get install, ${missing.join(", ")} is still missing or too old; ` +
      `add the suite bookworm-security to apt's sources for rsync ${RSYNC_AT_LEAST}`,
  );
}

async function readMachine(): Promise<Machine> {
  if (Deno.build.os !== "linux") return { os: Deno.build.os, isRoot: false, hasApt: false, missing: [] };
  const missing = NEEDED.filter(([path]) => !isThere(path)).map(([, name]) => name);
  if (!missing.includes("rsync") && await isRsyncOld()) missing.push("rsync");
  return {
    os: Deno.build.os,
    isRoot: Deno.uid() === 0,
    hasApt: isThere("/usr/bin/apt-get"),
    missing: [...new Set(missing)],
  };
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function isRsyncOld(): Promise<boolean> {
  const { output } = await runShell("rsync --version", []);
  return isOlder(output.match(/version +v?([\d.]+)/)?.[1] ?? "0", RSYNC_AT_LEAST);
}

/** Whether a version of numbers and dots comes before another. */
export function isOlder(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split(".").map(Number));
  for (const [index, wanted] of (b ?? []).entries()) {
    const given = a?.[index] ?? 0;
    if (given !== wanted) return given < wanted;
  }
  return false;
}

/** The policy keeps the package from starting an sshd of the machine's own. */
const INSTALL = `export DEBIAN_FRONTEND=noninteractive PATH=$PATH:/usr/sbin:/sbin
policy=/usr/sbin/policy-rc.d
[ -e $policy ] || { printf '#!/bin/sh\\nexit 101\\n' >$policy; chmod 755 $policy; trap "rm -f $policy" EXIT; }
wait="-o DPkg::Lock::Timeout=300"
apt-get -q $wait update && apt-get -q $wait install -y --no-install-recommends "$@"`;

async function installPackages(names: readonly string[]): Promise<void> {
  const { success, output } = await runShell(INSTALL, names);
  if (success) return;
  const lines = output.trim().split("\n").slice(-10).join("\n");
  throw new Error(`Cannot install ${names.join(", ")} as apt-get failed; its last lines:\n${lines}`);
}

async function runShell(script: string, args: readonly string[]): Promise<{ success: boolean; output: string }> {
  const { success, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", script, "sh", ...args],
    env: { LC_ALL: "C" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  return { success, output: decoder.decode(stdout) + decoder.decode(stderr) };
}
