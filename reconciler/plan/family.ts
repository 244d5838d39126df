/**
 * What a sync of a Replication with a selector would do: which Replications it would own, each of them planned by itself.
 *
 * @module
 */
import { childSpec, NAMESPACE_PLACEHOLDER, templateOf } from "../../crds/family.ts";
import type { ReplicationPlan } from "../../crds/plan.ts";
import type { Replication, ReplicationFamily } from "../../crds/types.ts";
import { describe, validateReplication, type World } from "../../crds/validate.ts";
import { nameOf } from "../../crds/world.ts";
import { listAll } from "../../kube/list_all.ts";
import type { KubeObject, Reader } from "../../kube/types.ts";
import { NAMESPACES } from "../builtin_types.ts";
import { type Members, planMembers } from "../family/members.ts";
import { noChanges } from "./changes.ts";

/** What decides which Replications a family would own. */
export interface FamilyFinding {
  readonly family: ReplicationFamily;
  readonly source: Pick<Reader, "list">;
  readonly world: World;
  readonly signal: AbortSignal;
}

/** The Replications as they would be, and what is to be said of those that would not. Throws `KubeError`. */
export async function findChildren(finding: FamilyFinding): Promise<{ children: Replication[]; notes: string[] }> {
  const { family, source, world, signal } = finding;
  const namespaces: KubeObject[] = [];
  for await (const page of listAll(source, NAMESPACES, { metadataOnly: true, signal })) namespaces.push(...page.items);
  const members = planMembers({
    family,
    namespaces,
    replications: world.replications,
    controlNamespace: world.controlNamespace,
    objection: (child) => {
      const [denial] = validateReplication(child, world).denials;
      return denial === undefined ? undefined : { reason: denial.reason, message: describe(denial) };
    },
    wasHanded: () => true,
  });
  const stay = members.children.filter((child) => !members.leaving.includes(child) && !members.gone.includes(child));
  const equal = stay.map((child) => ({ ...child, spec: childSpec(family, child.spec.sourceNamespace) }));
  return { children: [...equal, ...members.create], notes: notesOn(members) };
}

function notesOn({ leaving, reports }: Members): string[] {
  const left = leaving.map(({ metadata, spec }) =>
    `namespace ${spec.sourceNamespace} has the labels no more: Replication ${metadata.name} would be deleted, by the ` +
    "grace and budget of spec.deletion"
  );
  return [...left, ...reports.map(({ name, reason, message }) => `namespace ${name}: ${reason}: ${message}`)];
}

/** The plan of the family itself, which mirrors nothing. */
export function planOfFamily(
  family: ReplicationFamily,
  { children, notes, errors }: { children: readonly Replication[]; notes: string[]; errors: string[] },
): ReplicationPlan {
  const { sourceCluster, destinationCluster } = family.spec;
  return {
    replication: nameOf(family),
    source: `${sourceCluster ?? "(own cluster)"}/${NAMESPACE_PLACEHOLDER}`,
    destination: `${destinationCluster}/${templateOf(family)}`,
    children: children.map(nameOf),
    ...noChanges(),
    errors,
    notes,
  };
}
