/**
 * The one place where a `MirrorContext` is put together, for mirroring and for planning alike.
 *
 * @module
 */
import type { Adaptations } from "./adaptation.ts";
import type { Cluster } from "./cluster.ts";
import { targetSchemaOf } from "./kinds.ts";
import type { MirrorContext } from "./mirror_context.ts";
import type { SourceNamespace } from "./source_namespace.ts";

/** What follows from clusters, namespace and spec. */
type Derived =
  | "source"
  | "target"
  | "sourceNamespaceState"
  | "sourceIdentityKnown"
  | "adaptation"
  | "isYoung"
  | "targetSchema";

/** What a context is made of. */
export interface ContextParts extends Omit<MirrorContext, Derived> {
  readonly source: Cluster;
  readonly target: Cluster;
  readonly namespace: SourceNamespace;
  /** As of the spec and the catalogue at that moment. */
  adaptations(): Adaptations;
}

/** Puts a context together. */
export function makeContext({ source, target, namespace, adaptations, ...own }: ContextParts): MirrorContext {
  return {
    ...own,
    source: source.client,
    target: target.client,
    sourceNamespaceState: () => namespace.state(),
    sourceIdentityKnown: () => namespace.identityKnown,
    adaptation: (kind) => adaptations()(kind.name),
    isYoung: (kind) => target.isYoung(kind.name),
    targetSchema: (kind) => target.catalogue?.schemas.get(targetSchemaOf(kind)),
  };
}
