/**
 * Images: where DR pulls them from.
 *
 * @module
 */

import type { ImageRewrite } from "../../crds/types.ts";
import type { Draft } from "./context.ts";
import { objectAt, objectsAt, walkObjects } from "./json.ts";

const CONTAINER_LISTS = ["containers", "initContainers", "ephemeralContainers"];

/** Rewrites the image of every container, and of every image volume, of every pod template that the spec holds. */
export function rewriteImages(draft: Draft): void {
  const rules = draft.context.adaptation?.imageRewrites ?? [];
  if (rules.length === 0) return;
  walkObjects(draft.object.spec, (at) => {
    for (const container of CONTAINER_LISTS.flatMap((list) => objectsAt(at, list))) {
      rewriteField(container, "image", rules, draft);
    }
    for (const volume of objectsAt(at, "volumes")) {
      const image = objectAt(volume, "image");
      if (image !== undefined) rewriteField(image, "reference", rules, draft);
    }
  });
}

function rewriteField(at: Record<string, unknown>, field: string, rules: readonly ImageRewrite[], draft: Draft): void {
  const image = at[field];
  if (typeof image !== "string") return;
  const [name, suffix] = splitImage(image);
  for (const [index, rule] of rules.entries()) {
    const rewritten = rewriteName(name, rule);
    if (rewritten === undefined) continue;
    at[field] = rewritten + suffix;
    draft.used.add(`imageRewrites[${index}]`);
    return;
  }
}

function rewriteName(name: string, { from, to }: ImageRewrite): string | undefined {
  const full = [name, fullName(name)].find((form) => form === from || form.startsWith(`${from}/`));
  return full === undefined ? undefined : to + full.slice(from.length);
}

/** The name, and tag and digest as they are written. A colon before the last slash belongs to a port. */
function splitImage(image: string): [string, string] {
  const digest = image.indexOf("@");
  const tagged = digest < 0 ? image : image.slice(0, digest);
  const colon = tagged.lastIndexOf(":");
  const end = colon > tagged.lastIndexOf("/") ? colon : tagged.length;
  return [image.slice(0, end), image.slice(end)];
}

/** What container runtimes read a short name as (distribution/reference, ParseNormalizedNamed). */
function fullName(name: string): string {
  const slash = name.indexOf("/");
  if (slash < 0) return `docker.io/library/${name}`;
  const first = name.slice(0, slash);
  return /[.:A-Z]/.test(first) || first === "localhost" ? name : `docker.io/${name}`;
}
