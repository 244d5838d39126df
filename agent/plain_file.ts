/**
 * Files of our own in a memory directory.
 *
 * @module
 */

/** Puts a file in its place at once and readable for us only: who reads it sees the old or the new text. */
export async function placeFile(path: string, text: string): Promise<void> {
  const next = `${path}.new`;
  await Deno.writeTextFile(next, text, { mode: 0o600 });
  await Deno.rename(next, path);
}

/** Reads a file of a mounted Secret. @throws {KeyFileError} when it is not there */
export async function readKeyFile(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new KeyFileError(`Cannot read ${path}: there is no such file; mount the Secret that holds it`);
  }
}

/** A key that is not there. */
export class KeyFileError extends Error {
  override readonly name = "KeyFileError";
  readonly reason = "Missing";
}
