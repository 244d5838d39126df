/**
 * Values of Secrets in a plan: an HMAC with a key of this run. Equal values look equal within one plan; a plain hash of a
 * weak secret in a log would be the secret.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { DESIRED_HASH, GROUP } from "../../crds/keys.ts";
import type { ResourceType } from "../../kube/types.ts";
import type { ShowValue } from "./field_changes.ts";

/** How values of a kind are shown: as they are, but for those of Secrets. `key` is random and of one run. */
export function showValuesOf({ group, resource }: ResourceType, key: Uint8Array): ShowValue {
  if (group !== "" || resource !== "secrets") return (value) => value;
  const digest = (bytes: Uint8Array | string) => `hmac:${createHmac("sha256", key).update(bytes).digest("hex")}`;
  return (value, path) => {
    // The same bytes look the same in data and stringData.
    if (path[0] === "data" && typeof value === "string") return shortened(digest(Buffer.from(value, "base64")));
    if (isPublic(path)) return value;
    return shortened(digest(typeof value === "string" ? value : JSON.stringify(value)));
  };
}

/** What of a Secret is no secret. The desired hash is a plain hash that the values went into. */
function isPublic([first, second, third = ""]: readonly string[]): boolean {
  if (first === "type" || first === "immutable") return true;
  if (first !== "metadata") return false;
  if (second !== "annotations") return true;
  return third.startsWith(`${GROUP}/`) && third !== DESIRED_HASH;
}

function shortened(text: string): string {
  return text.slice(0, "hmac:".length + 16);
}
