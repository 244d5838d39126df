/**
 * The kinds a Replication mirrors: what both clusters serve, at a version that both know.
 *
 * @module
 */
import { type Discovery, groupResource, type ResourceType } from "../kube/types.ts";
import { mirroredKind } from "./desired/kinds.ts";

/** A mirrored kind. */
export interface MirroredKind {
  /** `deployments.apps`. */
  readonly name: string;
  /** As the source serves it, at the version it is read and watched at. */
  readonly source: ResourceType;
  /** As the DR cluster serves it; undefined while it does not. */
  readonly target?: ResourceType;
  /** Order in a full pass. */
  readonly tier: number;
  /** Path of `replicas` in a custom resource with a scale subresource (`.spec.replicas`), as the source defines it. */
  readonly specReplicasPath?: string;
  /** False: not mirrored any more, only its copies are looked for: they go the way of a deletion. */
  readonly selected: boolean;
}

/** Kinds of one Replication, in the order of a full pass. */
export interface KindPlan {
  readonly kinds: readonly MirroredKind[];
}

/** Plans the kinds from what both ends serve; `selected` and `deselected` hold `resource.group` names, "*" for all. */
export function planKinds(options: {
  readonly source: Discovery;
  readonly target: Discovery;
  readonly selected: ReadonlySet<string> | "*";
  readonly deselected: ReadonlySet<string>;
  /** Storage versions of custom resources, DR's first: without its backend, a conversion webhook breaks the others. */
  readonly stored?: readonly ReadonlyMap<string, string>[];
  /** `specReplicasPath` of the source's custom resources, by name. */
  readonly scalePaths?: ReadonlyMap<string, string>;
  /** What was planned before, by name. */
  readonly before?: ReadonlyMap<string, MirroredKind>;
}): KindPlan {
  const targetTypes = new Map(options.target.types.map((type) => [groupResource(type), type]));
  const kinds: MirroredKind[] = [];
  for (const offered of options.source.types) {
    const name = groupResource(offered);
    const type = withKnownVerbs(offered, options.before?.get(name));
    const decision = mirroredKind(type);
    if (!decision.mirrored) continue;
    const selected = (options.selected === "*" || options.selected.has(name)) && !options.deselected.has(name);
    const versions = chooseVersion(type, options, targetTypes.get(name));
    // Neither objects to mirror nor copies to look for.
    if (!selected && versions.target === undefined) continue;
    const specReplicasPath = options.scalePaths?.get(name);
    kinds.push({
      name,
      selected,
      tier: decision.tier,
      ...versions,
      ...(specReplicasPath === undefined ? {} : { specReplicasPath }),
    });
  }
  kinds.sort((a, b) => a.tier - b.tier || (a.name < b.name ? -1 : 1));
  return { kinds };
}

/** A definition that is being deleted takes no new objects; until those that are left have gone, their deletes can be seen. */
function withKnownVerbs(type: ResourceType, before: MirroredKind | undefined): ResourceType {
  const isReadable = ["get", "list", "watch"].every((verb) => type.verbs.includes(verb));
  return before === undefined || !isReadable ? type : { ...type, verbs: before.source.verbs };
}

/**
 * A version that both serve: the storage version, else the source's preferred one, else the source's first; a version that
 * only DR has is never guessed.
 */
function chooseVersion(
  type: ResourceType,
  discoveries: Pick<Parameters<typeof planKinds>[0], "source" | "target" | "stored">,
  target: ResourceType | undefined,
): { source: ResourceType; target?: ResourceType } {
  if (target === undefined) return { source: type };
  const name = groupResource(type);
  const servedInTarget = discoveries.target.versions.get(name) ?? [target.version];
  const servedInSource = discoveries.source.versions.get(name) ?? [type.version];
  const stored = (discoveries.stored ?? []).map((versions) => versions.get(name));
  const version = [...stored, type.version, ...servedInSource].find((candidate) =>
    candidate !== undefined && servedInSource.includes(candidate) && servedInTarget.includes(candidate)
  );
  if (version === undefined) return { source: type };
  return { source: { ...type, version }, target: { ...target, version } };
}

/** Whether what is known of a kind's objects and copies stays known; else they are read and compared as if for the first time. */
export function isSameKind(a: MirroredKind, b: MirroredKind | undefined): boolean {
  return b !== undefined && a.selected === b.selected && a.source.version === b.source.version &&
    a.target?.version === b.target?.version && a.specReplicasPath === b.specReplicasPath &&
    a.source.subresources.includes("scale") === b.source.subresources.includes("scale");
}

/** Where a catalogue has the schema of a kind in DR. */
export function targetSchemaOf({ source, target }: MirroredKind): string {
  const { group, version } = target ?? source;
  return group === "" ? version : `${group}/${version}`;
}
