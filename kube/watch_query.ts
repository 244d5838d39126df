/**
 * What a watch asks for, and what it reads from the answers.
 *
 * @module
 */
import { KubeError } from "./errors.ts";
import type { Line } from "./lines.ts";
import { redactStatus, serverMessage } from "./redact.ts";
import { isStatus, reasonOf } from "./status.ts";
import {
  apiVersionOf,
  type KubeObject,
  type ObjectPage,
  type ResourceType,
  type WatchEvent,
  type WatchQuery,
} from "./types.ts";
import type { WatchInput, WatchPage } from "./watch_state.ts";

/** Media type of a list or probe that needs no more than metadata. */
export const METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
/** Media type of a watch that needs no more than metadata. */
export const METADATA_WATCH = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
/** On the bookmark that ends a WatchList (KEP-3157). */
const LIST_END = "k8s.io/initial-events-end";

const EVENT_TYPES: Readonly<Record<string, WatchEvent["type"]>> = {
  ADDED: "Added",
  MODIFIED: "Modified",
  DELETED: "Deleted",
};

type Query = Record<string, string | undefined>;

/** Query of a watch from a version, or of a WatchList without one. */
export function streamQuery(query: WatchQuery, version: string | undefined, timeoutSeconds: number): Query {
  return {
    watch: "1",
    allowWatchBookmarks: "true",
    labelSelector: query.labelSelector,
    fieldSelector: query.fieldSelector,
    timeoutSeconds: String(timeoutSeconds),
    ...(version === undefined
      ? { sendInitialEvents: "true", resourceVersionMatch: "NotOlderThan" }
      : { resourceVersion: version }),
  };
}

/** Query of one page. */
export function pageQuery(query: WatchQuery, limit: number, token: string | undefined): Query {
  return {
    limit: String(limit),
    continue: token,
    labelSelector: query.labelSelector,
    fieldSelector: query.fieldSelector,
  };
}

/** The version that a list tells. Throws KubeError BadResponse when it tells none: nothing can be watched from there. */
export function listVersion(page: ObjectPage): string {
  const version = page.resourceVersion;
  if (version !== "" && version !== "0") return version;
  throw new KubeError("BadResponse", "the list has no resourceVersion");
}

/** A page as events. Throws KubeError BadResponse when it has no version. */
export function eventsOf(type: ResourceType, query: WatchQuery, page: ObjectPage, receivedAtMs: number): WatchPage {
  const sizeBytes = Math.round(page.sizeBytes / Math.max(page.items.length, 1));
  return {
    events: page.items.map((item) => {
      const object = query.metadataOnly === true ? nameKind(type, item) : item;
      return { type: "Added", object, sizeBytes, receivedAtMs };
    }),
    version: listVersion(page),
    continue: page.continue,
    sizeBytes: page.sizeBytes,
  };
}

/** One line of a watch; what makes no sense becomes an ErrorLine. */
export function readLine(type: ResourceType, query: WatchQuery, line: Line, receivedAtMs: number): WatchInput {
  let parsed: { type: string; object: KubeObject };
  try {
    parsed = JSON.parse(line.text);
  } catch {
    // The parser's own words quote the line.
    return garbled(`a line of ${line.sizeBytes} bytes is not JSON`);
  }
  const { object } = parsed;
  if (parsed.type === "ERROR") return { kind: "ErrorLine", error: errorOfLine(object) };
  const version = object?.metadata?.resourceVersion;
  if (version === undefined) return garbled(`an event of type ${parsed.type} has no resourceVersion`);
  if (parsed.type === "BOOKMARK") {
    return { kind: "Bookmark", version, listEnd: object.metadata.annotations?.[LIST_END] === "true" };
  }
  const eventType = EVENT_TYPES[parsed.type];
  if (eventType === undefined) return garbled(`an event has the unknown type ${parsed.type}`);
  if (query.metadataOnly === true) nameKind(type, object);
  return {
    kind: "Change",
    version,
    event: { type: eventType, object, sizeBytes: line.sizeBytes, receivedAtMs },
  };
}

/** PartialObjectMetadata comes with a kind of its own. */
function nameKind(type: ResourceType, object: KubeObject): KubeObject {
  object.apiVersion = apiVersionOf(type);
  object.kind = type.kind;
  return object;
}

function garbled(what: string): WatchInput {
  return { kind: "ErrorLine", error: new KubeError("BadResponse", `the watch cannot go on: ${what}`) };
}

function errorOfLine(object: unknown): KubeError {
  if (!isStatus(object)) return new KubeError("BadResponse", "the watch ended with an error that is no Status");
  const status = redactStatus(object, false);
  const httpStatus = status.code ?? 500;
  const seconds = status.details?.retryAfterSeconds;
  return new KubeError(reasonOf(httpStatus, status), `the watch ended: ${serverMessage(status)}`, {
    httpStatus,
    status,
    retryAfterMs: seconds === undefined ? undefined : seconds * 1_000,
  });
}
