/**
 * JSON pointers (RFC 6901).
 *
 * @module
 */

/** The keys of a pointer, unescaped; none for the whole document. Undefined for what is no pointer. */
export function parsePointer(pointer: string): string[] | undefined {
  if (pointer === "") return [];
  if (!pointer.startsWith("/") || /~(?![01])/.test(pointer)) return undefined;
  // "~1" first: "~01" stands for "~1".
  return pointer.slice(1).split("/").map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}
