/**
 * Names with wildcards.
 *
 * @module
 */

/**
 * Whether a name fits a pattern in which `*` stands for any characters, also none, and `?` for exactly one. Takes at most
 * pattern × name steps, whatever the pattern.
 */
export function matchesGlob(pattern: string, name: string): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  let p = 0;
  while (at < name.length) {
    if (pattern[p] === "*") {
      star = p++;
      resume = at;
    } else if (p < pattern.length && (pattern[p] === "?" || pattern[p] === name[at])) {
      p++;
      at++;
    } else if (star >= 0) {
      // The last star takes one character more.
      p = star + 1;
      at = ++resume;
    } else return false;
  }
  while (pattern[p] === "*") p++;
  return p === pattern.length;
}
