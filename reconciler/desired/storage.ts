/**
 * Claims: storage class and access modes in DR, and what of an existing copy stays as it is.
 *
 * @module
 */

import { STORAGE_CLASS } from "../../crds/keys.ts";
import type { KubeObject } from "../../kube/types.ts";
import type { Draft, Report, Settled } from "./context.ts";
import { canonicalJson } from "./hash.ts";
import { ensureObject, isObject, type JsonObject, objectAt, objectsAt } from "./json.ts";
import { compareQuantities } from "./quantity.ts";

/** Where claims named their class before `storageClassName`. */
const LEGACY_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class";
/** What the API server lets nobody change of a claim that exists (apimachinery, ValidatePersistentVolumeClaimUpdate). */
const FIXED = ["accessModes", "selector", "storageClassName", "volumeMode"];

/** Sets class and access modes of a claim, or of a claim template; a label of its own wins over the mappings. */
export function adaptClaim(draft: Draft, claim: JsonObject): void {
  const spec = ensureObject(claim, "spec");
  const annotations = objectAt(claim, "metadata", "annotations");
  const label = objectAt(claim, "metadata", "labels")?.[STORAGE_CLASS];
  const wanted = typeof label === "string" && label !== ""
    ? label
    : mappedClass(draft, spec.storageClassName ?? annotations?.[LEGACY_CLASS_ANNOTATION]);
  if (wanted !== undefined) {
    spec.storageClassName = wanted;
    delete annotations?.[LEGACY_CLASS_ANNOTATION];
  }
  if (Array.isArray(spec.accessModes)) {
    spec.accessModes = [...new Set(spec.accessModes.map((mode) => mappedMode(draft, mode)))];
  }
}

function mappedClass(draft: Draft, storageClass: unknown): string | undefined {
  const rules = draft.context.adaptation?.storageClassMappings ?? [];
  const rule = rules.find(({ from }) => from === storageClass) ?? rules.find(({ from }) => from === "*");
  if (rule !== undefined) draft.used.add(`storageClassMappings[${rule.from}]`);
  return rule?.to;
}

function mappedMode(draft: Draft, mode: unknown): unknown {
  const rule = draft.context.adaptation?.accessModeMappings?.find(({ from }) => from === mode);
  if (rule === undefined) return mode;
  draft.used.add(`accessModeMappings[${rule.from}]`);
  return rule.to;
}

/**
 * The claim as it can be written over its copy: class, modes, selector and volume mode stay, and of its resources only the
 * request grows, once it is bound.
 */
export function settleClaim(wanted: KubeObject, live: KubeObject): Settled {
  const spec: JsonObject = { ...objectAt(wanted, "spec") };
  const liveSpec = objectAt(live, "spec") ?? {};
  const kept = keepFields(spec, liveSpec, FIXED);
  const [want, have] = [spec, liveSpec].map((at) => objectAt(at, "resources", "requests")?.storage);
  const order = compareQuantities(have, want) ?? 0;
  const isBound = objectAt(live, "status")?.phase === "Bound";
  if (isObject(liveSpec.resources)) {
    const storage = order < 0 && isBound ? want : have;
    const requests = { ...objectAt(liveSpec.resources, "requests"), storage };
    spec.resources = { ...liveSpec.resources, ...(storage === undefined ? {} : { requests }) };
  }
  const reports = keptReports(wanted, kept.map((field) => `spec.${field}`));
  if (order < 0 && !isBound) {
    const message = `The request of ${wanted.kind} ${wanted.metadata.name} cannot grow before its copy is bound`;
    reports.push({ reason: "KeptInDR", message });
  }
  return { object: { ...wanted, spec }, reports };
}

/** The StatefulSet as it can be written over its copy: each claim template keeps class and modes. */
export function settleTemplates(wanted: KubeObject, live: KubeObject): Settled {
  const spec: JsonObject = { ...objectAt(wanted, "spec") };
  const templates = objectsAt(spec, "volumeClaimTemplates");
  const kept: string[] = [];
  spec.volumeClaimTemplates = templates.map((template) => {
    const name = objectAt(template, "metadata")?.name;
    const existing = objectsAt(live, "spec", "volumeClaimTemplates").find((other) =>
      objectAt(other, "metadata")?.name === name
    );
    if (existing === undefined) return template;
    const templateSpec: JsonObject = { ...objectAt(template, "spec") };
    const fields = keepFields(templateSpec, objectAt(existing, "spec") ?? {}, ["accessModes", "storageClassName"]);
    kept.push(...fields.map((field) => `spec.volumeClaimTemplates[${name}].spec.${field}`));
    return { ...template, spec: templateSpec };
  });
  if (templates.length === 0) delete spec.volumeClaimTemplates;
  return { object: { ...wanted, spec }, reports: keptReports(wanted, kept) };
}

/** Puts the live values of some fields into `spec`; answers the fields in which it asked for something else. */
function keepFields(spec: JsonObject, live: JsonObject, fields: readonly string[]): string[] {
  return fields.filter((field) => {
    const wanted = spec[field];
    if (live[field] === undefined) delete spec[field];
    else spec[field] = live[field];
    return wanted !== undefined && canonicalJson(wanted) !== canonicalJson(live[field]);
  });
}

function keptReports({ kind, metadata }: KubeObject, paths: readonly string[]): Report[] {
  if (paths.length === 0) return [];
  const message = `${kind} ${metadata.name} keeps ${paths.join(", ")} as the copy has it: this cannot change once it ` +
    "exists. A copy that is deleted in DR is made anew as it should be";
  return [{ reason: "KeptInDR", message }];
}
