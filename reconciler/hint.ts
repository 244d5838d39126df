/** A write that admission announced, as the mirror uses it. */
export interface Hint {
  /** `deployments.apps`. */
  readonly kind: string;
  readonly namespace: string;
  /** Undefined when the API server had no name to tell (a deleted collection). */
  readonly name?: string;
}
