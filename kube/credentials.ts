/**
 * The Authorization header, from tokens that may change under us.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import type { Credential } from "./address.ts";
import { KubeError } from "./errors.ts";

/** How long a token that was read from a file is used before the file is read again. */
export const TOKEN_MAX_AGE_MS = 60_000;

/** Where the Authorization header comes from. */
export interface HeaderSource {
  /** The header's value, undefined when the connection itself authenticates. Throws KubeError Unauthorized. */
  header(): Promise<string | undefined>;
  /** Reads the token anew, after a 401; answers whether it is another one than `used`. */
  renew(used: string | undefined): Promise<boolean>;
}

/** Makes the header source of a credential. `onChange` is told when a token file holds a new token. */
export function createHeaderSource(credential: Credential, clock: Clock, onChange: () => void): HeaderSource {
  if (credential.kind === "certificate") {
    return { header: () => Promise.resolve(undefined), renew: () => Promise.resolve(false) };
  }
  if (credential.kind === "token") {
    const value = `Bearer ${credential.token}`;
    return { header: () => Promise.resolve(value), renew: (used) => Promise.resolve(used !== value) };
  }
  return createFileSource(() => credential.read(), clock, onChange);
}

function createFileSource(read: () => Promise<string>, clock: Clock, onChange: () => void): HeaderSource {
  let current: { value: string; readAtMs: number } | undefined;
  let reading: Promise<string> | undefined;

  async function readOnce(): Promise<string> {
    try {
      const value = `Bearer ${checkToken(await read())}`;
      if (current !== undefined && current.value !== value) onChange();
      current = { value, readAtMs: clock.nowMs() };
      return value;
    } catch (error) {
      // The old token may be good for minutes to come, and the next call tries the file again.
      if (current !== undefined) return current.value;
      if (error instanceof KubeError) throw error;
      throw new KubeError("Unauthorized", `Cannot read the token file: ${nameOf(error)}`, { cause: error });
    }
  }
  function readShared(): Promise<string> {
    reading ??= readOnce().finally(() => reading = undefined);
    return reading;
  }
  return {
    header() {
      const fresh = current !== undefined && clock.nowMs() - current.readAtMs < TOKEN_MAX_AGE_MS;
      return fresh ? Promise.resolve(current?.value) : readShared();
    },
    async renew(used) {
      return await readShared() !== used;
    },
  };
}

/** A token as it goes on the wire; what it holds is never part of a message. */
function checkToken(text: string): string {
  const token = text.trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new KubeError("Unauthorized", "Cannot use the token file: it is empty or holds characters no token has");
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}
