/**
 * Whether one resourceVersion of an object is newer than another. Comparable as whole numbers within one cluster and kind
 * (KEP-5504); anything else counts as newer, so that it is looked at rather than dropped.
 */
export function isNewer(candidate: string | undefined, known: string | undefined): boolean {
  if (candidate === undefined || known === undefined) return true;
  if (!isNumber(candidate) || !isNumber(known)) return true;
  if (candidate.length !== known.length) return candidate.length > known.length;
  return candidate > known;
}

/** Whether a resourceVersion is certainly older than another: what cannot be compared is not. */
export function isOlder(candidate: string | undefined, known: string | undefined): boolean {
  return candidate !== undefined && known !== undefined && !isNewer(candidate, known) && candidate !== known;
}

function isNumber(text: string): boolean {
  return /^[1-9][0-9]*$/.test(text);
}
