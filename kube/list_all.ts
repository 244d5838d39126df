/**
 * Whole lists, a page at a time.
 *
 * @module
 */
import { isKubeError } from "./errors.ts";
import type { ListQuery, ObjectPage, Reader, ResourceType } from "./types.ts";

/** Largest page in objects: etcd and the server copy a page several times. */
export const MAX_LIMIT = 500;

/** How pages are sized. */
export interface PageOptions {
  /** Aim for the body of a page; 8 MiB unless told otherwise. */
  readonly pageBytes?: number;
  /** Objects of the first page, when nothing is known of their size; 25 unless told otherwise. */
  readonly firstLimit?: number;
}

/** A page this many times its aim is given up and asked for again in smaller parts. */
const OVERSIZE = 4;

/**
 * Yields every page of a list in name order, sized by what the objects of the page before weighed.
 * Throws KubeError; Gone when the server forgot the list half-way (410): what was yielded is then not the whole.
 */
export async function* listAll(
  reader: Pick<Reader, "list">,
  type: ResourceType,
  query: ListQuery = {},
  { pageBytes = 8 * 1024 * 1024, firstLimit = 25 }: PageOptions = {},
): AsyncGenerator<ObjectPage> {
  let limit = Math.max(1, Math.min(firstLimit, MAX_LIMIT));
  let more = query.continue;
  while (true) {
    const page = await readPage(reader, type, pageQuery(query, limit, more), pageBytes * OVERSIZE);
    if (page === undefined) {
      limit = Math.max(1, Math.floor(limit / OVERSIZE));
      continue;
    }
    yield page;
    more = page.continue;
    if (more === undefined) return;
    limit = nextLimit(limit, page, pageBytes);
  }
}

/** One page, undefined when it is too long; a page of one object is taken as it is. */
async function readPage(
  reader: Pick<Reader, "list">,
  type: ResourceType,
  query: ListQuery & { limit: number },
  maxBytes: number,
): Promise<ObjectPage | undefined> {
  if (query.limit === 1) return await reader.list(type, query);
  try {
    return await reader.list(type, { maxBytes, ...query });
  } catch (error) {
    // With a status it is the server that refused, which a smaller page does not change.
    if (isKubeError(error, "TooLarge") && error.httpStatus === 0) return undefined;
    throw error;
  }
}

/** Objects to ask for next: as many of the average size of the last page as fit, at most four times as many as before. */
export function nextLimit(
  limit: number,
  page: { readonly items: readonly unknown[]; readonly sizeBytes: number },
  pageBytes: number,
): number {
  if (page.items.length === 0) return limit;
  const fitting = Math.floor(pageBytes / (page.sizeBytes / page.items.length));
  return Math.max(1, Math.min(fitting, limit * 4, MAX_LIMIT));
}

/** A continue token carries its own resourceVersion; the server refuses both together. */
function pageQuery(query: ListQuery, limit: number, more: string | undefined): ListQuery & { limit: number } {
  if (more === undefined) return { ...query, limit };
  const { resourceVersion: _, resourceVersionMatch: __, ...rest } = query;
  return { ...rest, limit, continue: more };
}
