/**
 * Role and RoleBinding: who may do what in the copy's namespace.
 *
 * @module
 */

import type { KubeObject } from "../../kube/types.ts";
import { type DesiredContext, type Draft, type KindRule, type Skip, skip } from "./context.ts";
import { objectsAt } from "./json.ts";
import { renameNamespace } from "./namespace_names.ts";

/** Rule of rbac.authorization.k8s.io/Role. */
export const roleRule: KindRule = { skip: skipRbac };

/** Rule of rbac.authorization.k8s.io/RoleBinding. */
export const roleBindingRule: KindRule = { skip: skipRbac, sanitize: renameSubjects };

function skipRbac(source: KubeObject, context: DesiredContext): Skip | undefined {
  return context.rbacObjects === "Mirror" ? undefined : skip(source, "RbacSkipped", "spec.rbacObjects is Skip");
}

/** Accounts of the source namespace become those of the destination, also where a User or Group spells them. */
function renameSubjects({ object, context }: Draft): void {
  for (const subject of objectsAt(object, "subjects")) {
    if (subject.kind === "ServiceAccount") {
      subject.namespace = renameNamespace(context, subject.namespace);
    } else if (typeof subject.name === "string") {
      subject.name = renameAccount(context, subject.name);
    }
  }
}

function renameAccount(context: DesiredContext, name: string): string {
  const [system, type, namespace, ...rest] = name.split(":");
  if (system !== "system" || (type !== "serviceaccount" && type !== "serviceaccounts")) return name;
  return [system, type, renameNamespace(context, namespace), ...rest].join(":");
}
