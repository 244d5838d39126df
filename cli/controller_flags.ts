/**
 * Flags of `dr-syncer controller`.
 *
 * @module
 */
import { Command, InvalidArgumentError, Option } from "commander";
import { DurationError, parseDurationMs } from "../crds/duration.ts";
import { CONTROL_NAMESPACE } from "../crds/keys.ts";
import { trackingKeyOption } from "./tracking_key.ts";
import { LOG_LEVELS, type LogLevel } from "./logging.ts";

/** What the controller was told, with defaults. */
export interface ControllerFlags {
  readonly kubeconfig?: string;
  readonly controlNamespace: string;
  readonly identity?: string;
  readonly tenantMode: boolean;
  /** Off: `--no-watch`. */
  readonly watch: boolean;
  /** Beside those that never travel; one that ends with `/` stands for a prefix. */
  readonly trackingKey: readonly string[];
  /** Off: `--no-observe`. */
  readonly observe: boolean;
  readonly resyncInterval: number;
  /** In milliseconds. */
  readonly teardownTimeout: number;
  readonly host: string;
  readonly webhookPort: number;
  readonly webhookUrl?: string;
  readonly healthPort: number;
  readonly logLevel: LogLevel;
  readonly logFormat: "json" | "text";
}

/** The command, for the program's tree of commands. */
export function controllerCommand(run: (flags: ControllerFlags) => Promise<void>): Command {
  return new Command("controller")
    .summary("mirror namespaces")
    .description("Mirror namespaces: run the controller with its webhook server, probes and metrics.")
    .option("--kubeconfig <file>", "inline kubeconfig of the source cluster; without it, the pod's ServiceAccount")
    .option(
      "--control-namespace <name>",
      "namespace of RemoteClusters, Replications and our Secrets",
      CONTROL_NAMESPACE,
    )
    .option("--identity <name>", "name of this replica in the leader election (default: POD_NAME, else host and pid)")
    .option("--tenant-mode", "also honour Replications of tenants, in their own namespaces", false)
    .addOption(trackingKeyOption())
    .option("--no-watch", "do not watch sources: admission hints and resyncs alone mirror")
    .option("--no-observe", "no admission hints: watches alone mirror")
    .option("--resync-interval <minutes>", "minutes between full resyncs, 1 to 60", minutes, 10)
    .addOption(
      new Option("--teardown-timeout <duration>", "how long a deletion waits for DR without headway")
        .argParser(durationMs).default(600_000, "10m"),
    )
    .option("--host <address>", "address to listen on", "0.0.0.0")
    .option("--webhook-port <port>", "port of /validate and /observe (HTTPS); 0 for any", port, 9443)
    .option("--webhook-url <url>", "base URL under which API servers reach the webhook, outside of a cluster")
    .option("--health-port <port>", "port of /healthz, /readyz and /metrics (HTTP); 0 for any", port, 8080)
    .addOption(new Option("--log-level <level>", "least level to log").choices([...LOG_LEVELS]).default("info"))
    .addOption(
      new Option("--log-format <format>", "json for machines, text for people").choices(["json", "text"]).default(
        "json",
      ),
    )
    .action(run);
}

function durationMs(text: string): number {
  try {
    return parseDurationMs(text);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof DurationError ? error.message : String(error));
  }
}

function minutes(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 60) {
    throw new InvalidArgumentError("Give a whole number of minutes from 1 to 60.");
  }
  return value;
}

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65535) {
    throw new InvalidArgumentError("Give a port from 0 to 65535.");
  }
  return value;
}
