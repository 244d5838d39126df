/**
 * What a conversion could not carry over, or is worth knowing.
 *
 * @module
 */

/** One remark on one field of one manifest. */
export interface Finding {
  readonly file: string;
  /** `NamespaceMapping shop/web`. */
  readonly object: string;
  /** Path of the field; empty when it is about the whole object. */
  readonly field: string;
  /** True: something is left out. False: nothing is lost. */
  readonly lost: boolean;
  /** Why, and what to do instead. */
  readonly message: string;
}

/** Takes a remark on a field. */
export type Remark = (field: string, message: string) => void;

/** Where the remarks on one object go. */
export interface Remarks {
  /** Something is left out. */
  readonly lost: Remark;
  /** Nothing is lost, but it is worth knowing. */
  readonly note: Remark;
}
