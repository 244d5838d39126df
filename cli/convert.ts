/**
 * `dr-syncer convert`: flags and output.
 *
 * @module
 */
import { Command, Option } from "commander";
import type { Conversion } from "../crds/convert/convert.ts";
import { CONTROL_NAMESPACE } from "../crds/keys.ts";
import { formatValue, MACHINE_FORMATS, type MachineFormat } from "./output.ts";

/** What `convert` was told. */
export interface ConvertFlags {
  readonly filename: readonly string[];
  readonly namespace: string;
  readonly ownCluster?: string;
  readonly output: MachineFormat;
}

/** The command, for the program's tree of commands. */
export function convertCommand(run: (flags: ConvertFlags) => Promise<void>): Command {
  return new Command("convert")
    .summary("turn manifests of the first version into today's")
    .description(
      "Turn manifests of the first version (RemoteCluster, ClusterMapping, NamespaceMapping, Replication) into today's.\n" +
        "Manifests go to standard output, what has no counterpart to standard error.\n\n" +
        "Exit code: 0 all converted without loss, 2 something was left out, 1 an error.",
    )
    .requiredOption("-f, --filename <file...>", "files to convert, all together; - for standard input")
    .option("-n, --namespace <name>", "control namespace, where the objects go", CONTROL_NAMESPACE)
    .option(
      "--own-cluster <name>",
      "the name that the controller's own cluster had: its namespaces are watched locally",
    )
    .addOption(new Option("-o, --output <format>", "yaml or json").choices([...MACHINE_FORMATS]).default("yaml"))
    .action(run);
}

/** 0: nothing is lost. 2: something is left out. */
export function convertExitCode({ findings }: Conversion): 0 | 2 {
  return findings.some(({ lost }) => lost) ? 2 : 0;
}

/** The objects as one stream of documents, or one List. */
export function formatObjects({ objects }: Conversion, format: MachineFormat): string {
  if (format === "json") return formatValue({ apiVersion: "v1", kind: "List", items: objects }, "json");
  return objects.map((object) => formatValue(object, "yaml")).join("---\n");
}

/** One line for each remark: file, object, field, what to do. */
export function formatFindings({ findings }: Conversion): string {
  return findings.map(({ file, object, field, lost, message }) => {
    const where = [file, object, field].filter((part) => part !== "").join(": ");
    return `${lost ? "left out" : "note"}: ${where}: ${message}\n`;
  }).join("");
}
