/**
 * The permissions the controller ships with, as `deno.json` names them for `deno task controller`; the image's entry point is tested
 * against the same list.
 *
 * @module
 */
import config from "../deno.json" with { type: "json" };

/** Flags of `deno run`. */
export const controllerPermissions: readonly string[] = config.tasks.controller
  .split(" ")
  .filter((word) => word.startsWith("--"));
