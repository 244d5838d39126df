/**
 * Bytes of one connection, passed on to another and back.
 *
 * Each side is read only when the other has taken what came before: what is held is a chunk each way, whatever the sides do.
 * SSH's window makes sure that neither side stops reading for good.
 *
 * @module
 */
import type { PortForward } from "../../kube/port_forward.ts";

/** What a relay has done. */
export interface RelayCount {
  /** Passed on, both ways. */
  readonly bytes: number;
  /** Most bytes that were read on one side and not yet taken by the other, both ways together. */
  readonly peakHeldBytes: number;
}

/** One side. */
export type RelaySide = Pick<PortForward, "chunks" | "send" | "close">;

/** Passes on until either side ends or breaks; then both are closed. Never rejects: what broke is told. */
export async function relay(one: RelaySide, other: RelaySide): Promise<RelayCount & { readonly error?: unknown }> {
  let [bytes, heldBytes, peakHeldBytes] = [0, 0, 0];
  const errors: unknown[] = [];
  const pass = async (from: RelaySide, to: RelaySide) => {
    try {
      for await (const chunk of from.chunks()) {
        heldBytes += chunk.length;
        peakHeldBytes = Math.max(peakHeldBytes, heldBytes);
        await to.send(chunk);
        heldBytes -= chunk.length;
        bytes += chunk.length;
      }
    } catch (error) {
      errors.push(error);
    } finally {
      // SSH knows no half of a connection.
      from.close();
      to.close();
    }
  };
  await Promise.all([pass(one, other), pass(other, one)]);
  return { bytes, peakHeldBytes, error: errors[0] };
}
