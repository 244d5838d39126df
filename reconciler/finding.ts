/** What is told of a cluster-scoped object that mirroring needs: a definition, the Namespace. */
export interface Finding {
  readonly kind: string;
  /** `widgets.example.com`. */
  readonly name: string;
  /** A failure keeps `Synced` False, a report does not. */
  readonly isFailure: boolean;
  /** Class of the failure, or reason of the report. */
  readonly reason: string;
  readonly message: string;
}
