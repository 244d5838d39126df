/**
 * Kubernetes quantities (`500m`, `1Gi`), compared by value.
 *
 * @module
 */

const BINARY = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, "": 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
/** Quantities have no finer unit than one billionth (apimachinery, resource.Quantity). */
const SCALE = 9;
const FORMAT = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,2})|([KMGTPE]i)|([numkMGTPE]?))$/;

/** Whether two values are quantities of the same amount; numbers count as quantities. */
export function sameQuantity(left: unknown, right: unknown): boolean {
  const [a, b] = [parse(left), parse(right)];
  return a !== undefined && a === b;
}

/** Below 0 when the left amount is the smaller, above 0 when it is the larger; undefined when one is no quantity. */
export function compareQuantities(left: unknown, right: unknown): number | undefined {
  const [a, b] = [parse(left), parse(right)];
  if (a === undefined || b === undefined) return undefined;
  return a < b ? -1 : Number(a > b);
}

/** The amount in billionths, or undefined for what is no quantity. Finer digits are cut off. */
function parse(value: unknown): bigint | undefined {
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  const match = FORMAT.exec(String(value));
  if (match === null) return undefined;
  const [, sign, whole = "", fraction = "", exponent, binary, decimal = ""] = match;
  if (whole === "" && fraction === "") return undefined;
  const power = SCALE - fraction.length + (exponent === undefined ? DECIMAL[decimal] ?? 0 : Number(exponent));
  const digits = BigInt(whole + fraction) * factor(binary);
  const amount = power >= 0 ? digits * 10n ** BigInt(power) : digits / 10n ** BigInt(-power);
  return sign === "-" ? -amount : amount;
}

function factor(binary: string | undefined): bigint {
  return binary === undefined ? 1n : 1024n ** BigInt(BINARY.indexOf(binary) + 1);
}
