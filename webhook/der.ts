/**
 * The few DER encodings a certificate needs (ITU-T X.690).
 *
 * @module
 */

const encoder = new TextEncoder();

/** One tag, length and value; the value is the parts one after the other. */
export function tlv(tag: number, ...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const sizeBytes = parts.reduce((sum, part) => sum + part.length, 0);
  const head = Uint8Array.from([tag, ...lengthOctets(sizeBytes)]);
  const out = new Uint8Array(head.length + sizeBytes);
  out.set(head);
  let offset = head.length;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

function lengthOctets(sizeBytes: number): number[] {
  if (sizeBytes < 0x80) return [sizeBytes];
  const octets: number[] = [];
  for (let rest = sizeBytes; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return [0x80 | octets.length, ...octets];
}

/** SEQUENCE of the parts. */
export function sequence(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return tlv(0x30, ...parts);
}

/** SET of one part. */
export function setOf(part: Uint8Array): Uint8Array<ArrayBuffer> {
  return tlv(0x31, part);
}

/** Non-negative INTEGER from big-endian bytes. */
export function unsignedInteger(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const body = bytes.subarray(start);
  return (body[0] ?? 0) >= 0x80 ? tlv(0x02, Uint8Array.of(0), body) : tlv(0x02, body);
}

/** BOOLEAN true. */
export function yes(): Uint8Array<ArrayBuffer> {
  return tlv(0x01, Uint8Array.of(0xff));
}

/** OBJECT IDENTIFIER from its dotted form. */
export function oid(dotted: string): Uint8Array<ArrayBuffer> {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return tlv(0x06, Uint8Array.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const octets = [value & 0x7f];
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) octets.unshift(0x80 | (rest & 0x7f));
  return octets;
}

/** UTF8String. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return tlv(0x0c, encoder.encode(text));
}

/** OCTET STRING. */
export function octets(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return tlv(0x04, bytes);
}

/** BIT STRING; `unusedBits` of the last byte do not count. */
export function bits(bytes: Uint8Array, unusedBits = 0): Uint8Array<ArrayBuffer> {
  return tlv(0x03, Uint8Array.of(unusedBits), bytes);
}

/** Time in whole seconds: UTCTime until 2049, GeneralizedTime from 2050 on (RFC 5280, 4.1.2.5). */
export function time(at: Date): Uint8Array<ArrayBuffer> {
  const digits = at.toISOString().replace(/\.\d+Z$/, "Z").replace(/[-:T]/g, "");
  return at.getUTCFullYear() < 2050 ? tlv(0x17, encoder.encode(digits.slice(2))) : tlv(0x18, encoder.encode(digits));
}
