import type { HoldType } from "./deletes.ts";
import type { Failure } from "./failure.ts";

/** What became of one attempt at a key. */
export type Outcome =
  | {
    readonly type: "Written";
    readonly operation: "create" | "update" | "adopt" | "recreate" | "delete" | "orphan";
    /** Requests that changed the copy; one unless told otherwise. */
    readonly writes?: number;
  }
  /** The copy is as it should be; nothing was written. */
  | { readonly type: "Unchanged" }
  /** Not mirrored, on purpose. */
  | { readonly type: "Skipped"; readonly reason: string; readonly message: string }
  /** Neither source nor copy exist, or the kind is not mirrored any more. */
  | { readonly type: "Gone" }
  /** A delete is held: nothing is done about its key before something changes that could release it. */
  | { readonly type: "Held"; readonly holdType: HoldType }
  /** A delete waits for its grace, a guard or its turn. */
  | {
    readonly type: "Waiting";
    readonly retryInMs: number;
    readonly why: string;
    /** It will be carried out as soon as it may: deletes of what it depends on wait for it. */
    readonly keepsTurn?: true;
  }
  /** The copy is not as it should be, and stays so on purpose. */
  | { readonly type: "Left"; readonly reason: "Drifted" | "OwnedByDR"; readonly message: string }
  /** An object that is not ours is in the way. */
  | { readonly type: "Conflict"; readonly message: string }
  | { readonly type: "Failed"; readonly failure: Failure };
