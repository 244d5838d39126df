/**
 * Memory of byte buffers.
 *
 * @module
 */

/**
 * Gives the memory of bytes that nobody needs any more back at once. It is outside of the JavaScript heap, so that garbage
 * collection is in no hurry: left to it, a busy controller holds a hundred MiB of answers it has read.
 */
export function release(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0);
}
