/**
 * What ServiceAccounts may do, asked of a real API server.
 *
 * @module
 */
import type { Cluster } from "../rig/cluster.ts";

/**
 * One question: `verb resource[.group][/subresource][:name] [namespace]`, for example
 * `patch replications.dr-syncer.io/status team-a`. `*` as resource stands for every kind of every group.
 */
export type Question = string;

/** The questions that the API server's authorizer answers with yes (SubjectAccessReview). */
export async function findAllowed(cluster: Cluster, account: string, questions: Question[]): Promise<Question[]> {
  const items = questions.map((question) => ({
    apiVersion: "authorization.k8s.io/v1",
    kind: "SubjectAccessReview",
    spec: { user: userOf(account), groups: groupsOf(account), resourceAttributes: parseQuestion(question) },
  }));
  const stdin = JSON.stringify({ apiVersion: "v1", kind: "List", items });
  const { stdout } = await cluster.kubectl(["create", "-f", "-", "-o", 'jsonpath={.status.allowed}{"\\n"}'], { stdin });
  const answers = stdout.trim().split("\n");
  return questions.filter((_, index) => answers[index] === "true");
}

/** User name of a ServiceAccount in the control namespace. */
export function userOf(account: string): string {
  return `system:serviceaccount:dr-syncer-system:${account}`;
}

function groupsOf(account: string): string[] {
  const [, , namespace] = userOf(account).split(":");
  return ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"];
}

function parseQuestion(question: Question): Record<string, string | undefined> {
  const [verb, what = "", namespace] = question.split(" ");
  const [path = "", name] = what.split(":");
  const [kind = "", subresource] = path.split("/");
  const [resource, ...group] = kind.split(".");
  return { verb, resource, group: resource === "*" ? "*" : group.join("."), subresource, name, namespace };
}
