/**
 * What an apply takes out of an object: fields that its manager owns and that it does not mention any more.
 *
 * Only for plans. A server that has stored the ownership does this by itself; one dry run after another does not, since the first
 * has stored nothing.
 *
 * @module
 */
import { cloneJson, isObject, type JsonObject } from "../desired/json.ts";

/**
 * A copy of the object without what `owned` names and `applied` lacks.
 *
 * @param owned `fieldsV1` of a managedFields entry: https://kubernetes.io/docs/reference/using-api/server-side-apply/
 */
export function withoutLeft<T extends JsonObject>(object: T, owned: JsonObject, applied: JsonObject): T {
  const rest = cloneJson(object, false) as T;
  dropFields(rest, owned, applied);
  return rest;
}

function dropFields(live: JsonObject, owned: JsonObject, applied: JsonObject): void {
  for (const [key, inner] of Object.entries(owned)) {
    if (!key.startsWith("f:") || !isObject(inner)) continue;
    const name = key.slice(2);
    const [value, wanted] = [live[name], applied[name]];
    const isWhole = Object.keys(inner).length === 0;
    if (isObject(value) && !isWhole) {
      dropFields(value, inner, isObject(wanted) ? wanted : {});
      if (wanted === undefined && Object.keys(value).length === 0) delete live[name];
    } else if (Array.isArray(value) && !isWhole) {
      const items = dropItems(value, inner, Array.isArray(wanted) ? wanted : []);
      if (wanted === undefined && items.length === 0) delete live[name];
      else live[name] = items;
    } else if (wanted === undefined) delete live[name];
  }
}

/** Items of a list that is a map by keys (`k:{"name":"web"}`) or a set (`v:"a"`). */
function dropItems(live: readonly unknown[], owned: JsonObject, applied: readonly unknown[]): unknown[] {
  const left = new Set<unknown>();
  for (const [key, inner] of Object.entries(owned)) {
    if (!isObject(inner)) continue;
    const isItem = matcherOf(key);
    if (isItem === undefined) continue;
    const [value, wanted] = [live.find(isItem), applied.find(isItem)];
    const isWhole = "." in inner || key.startsWith("v:");
    if (wanted === undefined && isWhole) left.add(value);
    else if (isObject(value)) dropFields(value, inner, isObject(wanted) ? wanted : {});
  }
  return live.filter((item) => !left.has(item));
}

function matcherOf(key: string): ((item: unknown) => boolean) | undefined {
  if (key.startsWith("v:")) return (item) => JSON.stringify(item) === key.slice(2);
  if (!key.startsWith("k:")) return undefined;
  const named = JSON.parse(key.slice(2)) as JsonObject;
  // The server fills in parts of a key (`protocol`) that ours may lack.
  return (item) => isObject(item) && Object.entries(named).every(([name, value]) => (item[name] ?? value) === value);
}
