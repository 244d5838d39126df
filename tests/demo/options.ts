/**
 * The command line of `deno task demo`.
 *
 * @module
 */
import { parseArgs } from "node:util";

/** Text of `--help`. */
export const HELP =
  `Shows dr-syncer at work: two real control planes on this machine, a web shop in one of them, and what arrives in
the other, object by object, with the milliseconds it took. Needs no cluster, no container and no root; with --volumes,
clusters with a node each on Linux as root: an application's data is copied to DR, and read back by a Pod there.

Usage: deno task demo [options]

Options:
  --volumes        data of volumes instead of objects: exit code 0 only if DR's Pod read what the source's had written
  --once           one round, a summary, and out: exit code 0 only if everything arrived (so without a terminal, too)
  --json           with --once: the summary as JSON on standard output, everything else on standard error
  --dr-version V   Kubernetes version of the DR cluster, for example 1.30
  --wait SECONDS   how long a change may take to arrive, 30 unless told otherwise; with --volumes a Pod or a pass, 120
  --help           shows this text

The control planes are real (etcd, kube-apiserver, kube-controller-manager). They come from KUBEBUILDER_ASSETS or the
cache, or are built with Go, which takes about ten minutes, once; for nodes, Debian packages are installed and images
built, too. Ctrl-C removes everything the demo made.
`;

/** What the demo was told. */
export interface DemoOptions {
  /** Data of volumes instead of objects. */
  readonly volumes: boolean;
  readonly once: boolean;
  readonly json: boolean;
  readonly drVersion?: string;
  /** How long a change, a Pod or a pass may take, in milliseconds. */
  readonly waitMs: number;
}

/** A command line that cannot be carried out. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/**
 * Reads the command line; undefined when it asks for the help text. Without a terminal there is one round only.
 *
 * @throws {UsageError}
 */
export function parseOptions(args: string[], isTerminal: boolean): DemoOptions | undefined {
  const { values } = readStrictly(args);
  if (values.help) return undefined;
  const { volumes } = values;
  const seconds = Number(values.wait ?? (volumes ? 120 : 30));
  if (!Number.isInteger(seconds) || seconds < 1) {
    throw new UsageError(`Cannot wait "${values.wait}" seconds: --wait is a whole number from 1`);
  }
  if (values.json && !values.once) throw new UsageError("Cannot write JSON without an end: add --once to --json");
  if (volumes && values["dr-version"] !== undefined) {
    throw new UsageError("Cannot use --volumes with --dr-version: only the newest version has nodes");
  }
  return {
    volumes,
    once: values.once || !isTerminal,
    json: values.json,
    drVersion: values["dr-version"],
    waitMs: seconds * 1_000,
  };
}

function readStrictly(args: string[]) {
  const options = {
    volumes: { type: "boolean", default: false },
    once: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    "dr-version": { type: "string" },
    wait: { type: "string" },
    help: { type: "boolean", short: "h", default: false },
  } as const;
  try {
    return parseArgs({ args, options, allowPositionals: false });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
