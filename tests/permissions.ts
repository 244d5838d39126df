/**
 * How the program is started: permissions, other flags of `deno run` and environment, as `deno.json` names them for its tasks; the
 * image's entry point is tested against those of the controller.
 *
 * @module
 */
import config from "../deno.json" with { type: "json" };

/** Flags of `deno run` for the controller. */
export const controllerPermissions: readonly string[] = flagsOf(config.tasks.controller);

/** What the controller's allocator is told: glibc reads it before the program starts. */
export const controllerEnvironment: Readonly<Record<string, string>> = Object.fromEntries(
  config.tasks.controller.split(" deno run ")[0]?.split(" ").map((word) => word.split("=")) ?? [],
);

/** Flags of `deno run` for the verbs, as `deno task dr-syncer` has them. */
export const verbPermissions: readonly string[] = flagsOf(config.tasks["dr-syncer"]);

function flagsOf(task: string): string[] {
  return task.split(" ").filter((word) => word.startsWith("--"));
}
