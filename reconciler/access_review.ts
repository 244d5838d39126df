/**
 * Single permissions, asked one by one (SelfSubjectAccessReview): for servers whose list of rules is not complete.
 *
 * @module
 */
import type { KubeClient } from "../kube/types.ts";
import type { Lack } from "./permissions.ts";

interface Question {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  /** Absent: in the whole cluster. */
  readonly namespace?: string;
}

/** Asks for what seems to be missing. */
export interface AccessAsker {
  /** What of it is not allowed in the namespace. Throws `KubeError`. */
  without(lacks: readonly Lack[], namespace: string): Promise<readonly Lack[]>;
}

/** Asks each question once, one after the other: what is allowed for everything, or everywhere, is not asked in particular. */
export function askAccess(client: KubeClient, signal: AbortSignal): AccessAsker {
  const answers = new Map<string, Promise<boolean>>();
  const ask = (question: Question): Promise<boolean> => {
    const key = JSON.stringify(question);
    const known = answers.get(key);
    if (known !== undefined) return known;
    const asked = isAllowed(client, question, signal);
    answers.set(key, asked);
    return asked;
  };
  const mayBe = async (verb: string, { group, resource }: Lack, namespace: string): Promise<boolean> =>
    await ask({ verb, group: "*", resource: "*" }) || await ask({ verb, group, resource }) ||
    await ask({ verb, group, resource, namespace });
  return {
    async without(lacks, namespace) {
      const found: Lack[] = [];
      for (const lack of lacks) {
        const verbs: string[] = [];
        for (const verb of lack.verbs) if (!await mayBe(verb, lack, namespace)) verbs.push(verb);
        if (verbs.length > 0) found.push({ ...lack, verbs });
      }
      return found;
    },
  };
}

async function isAllowed(client: KubeClient, resourceAttributes: Question, signal: AbortSignal): Promise<boolean> {
  const answer = await client.json("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SelfSubjectAccessReview",
    spec: { resourceAttributes },
  }, { signal }) as { status?: { allowed?: boolean } };
  return answer.status?.allowed === true;
}
