/**
 * How a target agent is commanded: JSON lines in both directions.
 *
 * @module
 */
import { z } from "zod";
import type { PassReport, PassState } from "./report.ts";

/** No line is longer. */
export const LINE_BYTES = 1_048_576;

const count = z.number().int().nonnegative();
const root = z.strictObject({
  filesystem: z.string(),
  inode: z.string(),
  birth: z.string(),
  fsid: z.string(),
  folder: z.string(),
  mounted: z.string(),
});

/** All that a pass has to know. */
const passRequest = z.strictObject({
  /** Comes back in the report. */
  passId: z.string().min(1).max(100),
  /** Which volume: part of the ids of holds. */
  volume: z.string().min(1).max(500),
  /** Never lower than that of an earlier pass. */
  epoch: count,
  source: z.strictObject({
    host: z.string(),
    port: z.number().int(),
    hostKeyAlias: z.string(),
    user: z.string().default("root"),
    /** A relay that leads to the source connects to the agent, at `port` of its own loopback interface; `host` is nobody. */
    relayed: z.boolean().default(false),
  }),
  /** What the source was at the last good pass; left out before the first. */
  lastGood: z.strictObject({ root, entries: count }).optional(),
  /** How much may be deleted without asking: the larger of the two. */
  policy: z.strictObject({ count, percent: z.number().min(0).max(100) }),
  /** Ids of holds that are released for this pass. */
  approvals: z.array(z.string()).default([]),
  /** Patterns of rsync(1): neither copied nor deleted. */
  excludes: z.array(z.string()).default([]),
  bandwidthKiBps: z.number().positive().optional(),
  compress: z.boolean().default(false),
  /** Streams of a first copy: more than one only helps on a long way. */
  channels: z.number().int().min(1).max(8).default(1),
  /** Compares what the files hold instead of size and time. */
  checksum: z.boolean().default(false),
  /**
   * The pass stops when no command has come for so long: who began it may have lost the right to write, and cannot say so.
   * Left out: it goes on.
   */
  maxSilenceMs: z.number().int().positive().optional(),
});

const command = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("start"), pass: passRequest }),
  z.strictObject({ type: z.literal("stop"), passId: z.string() }),
  z.strictObject({ type: z.literal("report") }),
]);

/** All that a pass has to know. */
export type PassRequest = z.infer<typeof passRequest>;
/** The same as it is sent: what has a default may be left out. */
export type PassRequestInput = z.input<typeof passRequest>;

/** What an agent can be told. */
export type AgentCommand = z.infer<typeof command>;
/** The same as it is sent. */
export type AgentCommandInput = z.input<typeof command>;

/** What an agent says: to everybody who listens, `refused` only to whom it concerns. */
export type AgentEvent =
  /** The answer to `report`: what runs, and how the last pass ended. */
  | { readonly type: "state"; readonly running?: PassState; readonly last?: PassReport }
  /** A pass goes on. */
  | ({ readonly type: "progress" } & PassState)
  /** A pass is over. */
  | ({ readonly type: "finished" } & PassReport)
  /** A command that was not carried out. */
  | { readonly type: "refused"; readonly reason: "Malformed" | "Busy" | "NotRunning"; readonly message: string };

/** Reads a command; what is wrong with it as text otherwise. */
export function parseCommand(line: string): { readonly command: AgentCommand } | { readonly problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { problem: "Cannot read the command: it is no JSON" };
  }
  const result = command.safeParse(value);
  if (result.success) return { command: result.data };
  const problems = result.error.issues.map(({ path, message }) => `${path.join(".") || "type"}: ${message}`);
  return { problem: `Cannot read the command: ${problems.join("; ")}` };
}
