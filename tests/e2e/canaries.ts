/**
 * Random values that must not be found anywhere but in Secrets, and the search for them in every form in which programs print bytes.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { Buffer } from "node:buffer";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/** Shorter pieces would be found by chance. */
const LEAST_PIECE = 12;

/** A piece of a canary that was found. */
export interface Leak {
  /** Where the canary was put, as the test named it. */
  readonly canary: string;
  readonly form: string;
  /** The text around it. */
  readonly excerpt: string;
}

interface Piece {
  readonly canary: string;
  readonly form: string;
  readonly text: string;
}

/** The canaries of one test. */
export class Canaries {
  readonly #pieces: Piece[] = [];

  /** A value of letters and digits. */
  word(canary: string): string {
    return this.add(canary, randomWord());
  }

  /** A value with characters that JSON, YAML and URLs escape. */
  text(canary: string): string {
    return this.add(canary, `${randomWord()}"\\\n<&%>: ${randomWord()}`);
  }

  /** A value that is no text, in base64. */
  bytes(canary: string): string {
    const bytes = crypto.getRandomValues(Buffer.alloc(30));
    this.#know(canary, bytes);
    return bytes.toString("base64");
  }

  /** A value that somebody else made. */
  add(canary: string, value: string): string {
    this.#know(canary, Buffer.from(value));
    return value;
  }

  /** The same for what is no text. */
  addBytes(canary: string, value: Uint8Array): void {
    this.#know(canary, Buffer.from(value));
  }

  /** How many pieces are searched for. */
  get pieces(): number {
    return this.#pieces.length;
  }

  /** Every canary that a text holds half of, in whatever form. */
  leaksIn(text: string): Leak[] {
    return this.#pieces.flatMap(({ canary, form, text: piece }) => {
      const at = text.indexOf(piece);
      if (at < 0) return [];
      return [{ canary, form, excerpt: text.slice(Math.max(0, at - 200), at + piece.length + 40) }];
    });
  }

  #know(canary: string, bytes: Buffer): void {
    for (const [form, text] of formsOf(bytes)) {
      const middle = Math.floor(text.length / 2);
      for (const half of [text.slice(0, middle), text.slice(middle)]) {
        if (half.length >= LEAST_PIECE) this.#pieces.push({ canary, form, text: half });
      }
    }
  }
}

/** The forms in which bytes are printed, by name. */
export function formsOf(bytes: Buffer): [string, string][] {
  const text = bytes.toString("utf8");
  const isText = Buffer.from(text).equals(bytes);
  const decimals = [...bytes].map(String);
  const base64 = bytes.toString("base64").replace(/=+$/, "");
  return [
    ...(isText
      ? [
        ["as it is", text],
        ["JSON", JSON.stringify(text).slice(1, -1)],
        ["JSON twice", JSON.stringify(JSON.stringify(text)).slice(3, -3)],
        ["URL", encodeURIComponent(text)],
      ] as [string, string][]
      : []),
    ["hex", bytes.toString("hex")],
    ["hex", bytes.toString("hex").toUpperCase()],
    ["base64", base64],
    ["base64 twice", Buffer.from(bytes.toString("base64")).toString("base64").replace(/=+$/, "")],
    ["base64 for URLs", base64.replaceAll("+", "-").replaceAll("/", "_")],
    // As part of something longer: what depends on its neighbours is cut off.
    ["base64 within", Buffer.concat([Buffer.alloc(1), bytes]).toString("base64").slice(4, -4)],
    ["base64 within", Buffer.concat([Buffer.alloc(2), bytes]).toString("base64").slice(4, -4)],
    ["a list", decimals.join(" ")],
    ["a list", decimals.join(",")],
    ["a list", decimals.join(", ")],
    ["SHA-256", createHash("sha256").update(bytes).digest("hex")],
    ["SHA-1", createHash("sha1").update(bytes).digest("hex")],
    ["MD5", createHash("md5").update(bytes).digest("hex")],
  ];
}

function randomWord(): string {
  return [...crypto.getRandomValues(new Uint8Array(32))].map((byte) => ALPHABET[byte % ALPHABET.length]).join("");
}
