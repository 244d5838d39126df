/**
 * Fields that an older DR cluster does not know: which ones its refusal names, and whether a copy may do without them.
 *
 * Server-side apply and a strict create refuse a body with such a field, and name one or several of them, not always all.
 *
 * @module
 */
import type { KubeError } from "../kube/errors.ts";
import type { KubeObject } from "../kube/types.ts";
import { cloneJson, isObject, type JsonObject } from "./desired/json.ts";

/** Words of server-side apply, a field a line. */
const NOT_DECLARED = ": field not declared in schema";
/** Words of a strict create: all fields in one line. */
const STRICT = "strict decoding error: ";
const UNKNOWN_FIELD = /unknown field ("(?:[^"\\]|\\.)*")/g;

/** Kinds that allow or forbid something by themselves: with a field less they would do so for more, or for less. */
const GRANTS_OR_RESTRICTS = /(Policy|Role|RoleBinding|Grant|Quota|LimitRange|Authorization|Authentication)$/;
/** A part of a selector less selects more. */
const SELECTOR = /[sS]elector$/;
/** What keeps a standby quiet, and its volumes alive. */
const HOLDS_BACK: readonly string[] = [".spec.replicas", ".spec.suspend", ".spec.persistentVolumeClaimRetentionPolicy"];

/** What became of the wish to leave a field out. */
export type Omission =
  | { readonly type: "Omitted"; readonly object: KubeObject }
  | { readonly type: "Kept"; readonly why: string };

/** Paths that a refusal names, as the server writes them (`.spec.containers[name="main"].new`); empty for any other refusal. */
export function unknownFields(error: KubeError): string[] {
  const text = error.status?.message ?? "";
  const strict = text.indexOf(STRICT);
  if (strict >= 0) {
    return [...text.slice(strict).matchAll(UNKNOWN_FIELD)].map(([, quoted = '""']) => `.${JSON.parse(quoted)}`);
  }
  const fields: string[] = [];
  for (const line of text.split("\n")) {
    const words = line.trim();
    if (!words.endsWith(NOT_DECLARED)) continue;
    const path = words.slice(0, -NOT_DECLARED.length).replace(/^failed to create typed patch object \(.*?\): /, "");
    if (path.startsWith(".")) fields.push(path);
  }
  return fields;
}

/** The object without one field, if its absence is harmless in a copy and its path can be found without a guess. */
export function omitField(object: KubeObject, path: string, specReplicasPath?: string): Omission {
  if (GRANTS_OR_RESTRICTS.test(object.kind)) {
    return { type: "Kept", why: `a ${object.kind} without it would allow or forbid something else` };
  }
  if ([...HOLDS_BACK, specReplicasPath].some((held) => held !== undefined && overlaps(held, path))) {
    return { type: "Kept", why: "it keeps the standby quiet" };
  }
  const copy = cloneJson(object, false) as KubeObject;
  const steps = locate(copy, path);
  const last = steps?.at(-1);
  if (steps === undefined || last === undefined) {
    return { type: "Kept", why: "the object has no such field, or more than one" };
  }
  if (steps.some(({ name }) => SELECTOR.test(name))) {
    return { type: "Kept", why: "a selector without it would select something else" };
  }
  delete last.parent[last.name];
  if (saysNothing(steps)) return { type: "Kept", why: "what is left without it would mean something else" };
  return { type: "Omitted", object: copy };
}

/** One name on a path: the object that has it, and what tells that object from others in its list. */
interface Step {
  readonly parent: JsonObject;
  readonly name: string;
  /** What merely names the parent as an item of a list; undefined when it is no item. */
  readonly itemKeys?: ReadonlySet<string>;
}

/** The names along a path, found by walking the object: names of maps hold dots and brackets, too. */
function locate(at: unknown, path: string, itemKeys?: ReadonlySet<string>): Step[] | undefined {
  if (Array.isArray(at)) return locateInList(at, path);
  if (!isObject(at) || !path.startsWith(".")) return undefined;
  const rest = path.slice(1);
  const names = Object.keys(at).filter((name) =>
    rest.startsWith(name) && (rest.length === name.length || ".[".includes(rest.charAt(name.length)))
  );
  for (const name of names.sort((a, b) => b.length - a.length)) {
    const step: Step = { parent: at, name, itemKeys };
    if (rest.length === name.length) return [step];
    const deeper = locate(at[name], rest.slice(name.length));
    if (deeper !== undefined) return [step, ...deeper];
  }
  return undefined;
}

const INDEX = /^\[(\d+)\]/;
const KEYS = /^\[((?:[\w.-]+=(?:"(?:[^"\\]|\\.)*"|[^",\]]+),?)+)\]/;
const KEY = /([\w.-]+)=("(?:[^"\\]|\\.)*"|[^",\]]+)/g;

function locateInList(list: readonly unknown[], path: string): Step[] | undefined {
  const index = INDEX.exec(path);
  if (index !== null) return locate(list[Number(index[1])], path.slice(index[0].length), new Set(["name"]));
  const keys = KEYS.exec(path);
  if (keys === null) return undefined;
  const pairs = [...(keys[1] ?? "").matchAll(KEY)].map(([, name = "", value = ""]) => [name, value] as const);
  const holds = (item: unknown, [name, value]: readonly [string, string]) =>
    isObject(item) && JSON.stringify(item[name]) === value;
  let items = list.filter((item) => pairs.every((pair) => holds(item, pair)));
  if (items.length === 0) {
    // A key that the server has filled in (`protocol="TCP"`) may be absent in ours.
    items = list.filter((item) => pairs.every((pair) => holds(item, pair) || (isObject(item) && !(pair[0] in item))));
  }
  if (items.length !== 1) return undefined;
  // One key is a mere name; several (a port's number and protocol) say something by themselves.
  const itemKeys = new Set(pairs.length === 1 ? pairs.map(([name]) => name) : []);
  return locate(items[0], path.slice(keys[0].length), itemKeys);
}

/** Whether the field was all that an item of a list, or the object itself, had to say: a volume without its source is an empty one. */
function saysNothing(steps: readonly Step[]): boolean {
  for (const { parent, itemKeys } of [...steps].reverse()) {
    const left = Object.keys(parent).filter((name) => !isEmpty(parent[name]));
    if (itemKeys !== undefined) return left.every((name) => itemKeys.has(name));
    if (left.length > 0) return left.every((name) => name === "apiVersion" || name === "kind" || name === "metadata");
  }
  return true;
}

function isEmpty(value: unknown): boolean {
  return isObject(value) && Object.keys(value).length === 0;
}

function overlaps(a: string, b: string): boolean {
  return a === b || a.startsWith(`${b}.`) || b.startsWith(`${a}.`);
}
