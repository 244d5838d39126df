/**
 * Fields of a manifest, taken one by one, so that nothing is dropped in silence.
 *
 * @module
 */

type Fields = Record<string, unknown>;

/** A copy of a mapping whose fields are taken out as they are converted. */
export class LegacyFields {
  readonly #fields: Fields;

  constructor(value: unknown) {
    this.#fields = isFields(value) ? structuredClone(value) : {};
  }

  /** Takes the value at a path (`pvcConfig.syncData`) out; null counts as absent. */
  take(path: string): unknown {
    const keys = path.split(".");
    const last = keys.pop() as string;
    let at: unknown = this.#fields;
    for (const key of keys) at = isFields(at) ? at[key] : undefined;
    if (!isFields(at)) return undefined;
    const value = at[last];
    delete at[last];
    return value ?? undefined;
  }

  /** The first of several spellings that is there; all are taken. */
  takeAny(...paths: string[]): unknown {
    return paths.map((path) => this.take(path)).find((value) => value !== undefined);
  }

  /** What is left: paths of values, with whole lists as one. */
  rest(): [path: string, value: unknown][] {
    return leavesOf(this.#fields, "");
  }
}

function leavesOf(value: unknown, path: string): [string, unknown][] {
  if (value === null || value === undefined) return [];
  if (!isFields(value)) return [[path, value]];
  return Object.entries(value).flatMap(([key, member]) => leavesOf(member, path === "" ? key : `${path}.${key}`));
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
