/**
 * The permissions the program ships with, as `deno.json` names them for its tasks; the image's entry point is tested against the
 * list of the controller.
 *
 * @module
 */
import config from "../deno.json" with { type: "json" };

/** Flags of `deno run` for the controller. */
export const controllerPermissions: readonly string[] = flagsOf(config.tasks.controller);

/** Flags of `deno run` for the verbs, as `deno task dr-syncer` has them. */
export const verbPermissions: readonly string[] = flagsOf(config.tasks["dr-syncer"]);

function flagsOf(task: string): string[] {
  return task.split(" ").filter((word) => word.startsWith("--"));
}
