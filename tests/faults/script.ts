/**
 * An hour of a user's work as a script: creates, changes, deletes and re-creations of several kinds, the same for the same seed.
 *
 * @module
 */
import type { KubeClient, KubeObject, ResourceType } from "../../kube/types.ts";
import { apiVersionOf, groupResource } from "../../kube/types.ts";
import { customDefinition } from "../custom_definition.ts";
import { typeOf } from "../kube/connections.ts";

/** What a user does to an object. `remake`: deleted and created with another value of a field that cannot be changed. */
const ACTS = ["apply", "delete", "recreate", "remake", "scale", "ignore", "unignore"] as const;
type Act = (typeof ACTS)[number];

/** One step of the script. */
export interface Change {
  readonly act: Act;
  readonly type: ResourceType;
  readonly namespace: string;
  readonly name: string;
  /** Number of the step; the content follows from it. */
  readonly turn: number;
  /** How often the object was made with another value of what cannot be changed. */
  readonly make: number;
}

const RBAC = { group: "rbac.authorization.k8s.io" };
const DEPLOYMENTS = typeOf("Deployment", "deployments", { group: "apps" });
const STATEFUL_SETS = typeOf("StatefulSet", "statefulsets", { group: "apps" });
const CLAIMS = typeOf("PersistentVolumeClaim", "persistentvolumeclaims");
const WIDGETS = typeOf("Widget", "widgets", { group: "kills.example.com" });
/** The kinds of the script. */
export const KINDS: readonly ResourceType[] = [
  typeOf("ConfigMap", "configmaps"),
  typeOf("Secret", "secrets"),
  typeOf("Service", "services"),
  DEPLOYMENTS,
  typeOf("CronJob", "cronjobs", { group: "batch" }),
  typeOf("Role", "roles", RBAC),
  typeOf("RoleBinding", "rolebindings", RBAC),
  STATEFUL_SETS,
  CLAIMS,
  typeOf("Job", "jobs", { group: "batch" }),
  typeOf("Ingress", "ingresses", { group: "networking.k8s.io" }),
  WIDGETS,
];
/** What both clusters need to have the kinds of the script. */
export const DEFINITION = customDefinition({ kind: WIDGETS.kind, group: WIDGETS.group, version: WIDGETS.version });
const NAMES_A_KIND = 4;

interface Subject {
  readonly type: ResourceType;
  readonly namespace: string;
  readonly name: string;
  exists: boolean;
  ignored: boolean;
  make: number;
}

/** A script over all kinds and these namespaces, without end. */
export function* writeScript(random: () => number, namespaces: readonly string[]): Generator<Change, never> {
  const subjects = namespaces.flatMap((namespace) =>
    KINDS.flatMap((type) =>
      Array.from({ length: NAMES_A_KIND }, (_, index): Subject => {
        const name = `${type.singular}-${index}`;
        return { type, namespace, name, exists: false, ignored: false, make: 0 };
      })
    )
  );
  for (let turn = 0;; turn++) {
    const subject = subjects[Math.floor(random() * subjects.length)] as Subject;
    const act = chooseAct(subject, random());
    subject.exists = act !== "delete";
    subject.ignored = act === "ignore" || (subject.ignored && (act === "apply" || act === "scale"));
    if (act === "remake") subject.make++;
    const { type, namespace, name, make } = subject;
    yield { act, type, namespace, name, turn, make };
  }
}

/** Mostly changes; every act that the object allows has its share. */
function chooseAct({ exists, ignored, type }: Subject, chance: number): Act {
  // Without the controllers of Kubernetes nothing takes the finalizer off a claim; and DR would keep it.
  if (!exists || type === CLAIMS) return "apply";
  if (ignored && chance < 0.5) return "unignore";
  if (chance < 0.14) return "delete";
  if (chance < 0.26) return "recreate";
  if (chance < 0.38) return "remake";
  if (chance < 0.46) return "ignore";
  return (type === DEPLOYMENTS || type === STATEFUL_SETS) && chance < 0.7 ? "scale" : "apply";
}

/** Carries out one step. Throws `KubeError`. */
export async function perform(client: KubeClient, change: Change): Promise<void> {
  const { act, type, namespace, name, turn } = change;
  const ref = { namespace, name };
  if (act === "delete" || act === "recreate" || act === "remake") {
    await client.delete(type, ref, { propagationPolicy: "Background" });
  }
  if (act === "scale") {
    const body = { spec: { replicas: turn % 9 } };
    await client.patch(type, ref, { type: "merge", body }, { subresource: "scale" });
  } else if (act === "ignore" || act === "unignore") {
    const labels = { "dr-syncer.io/ignore": act === "ignore" ? "true" : null };
    await client.patch(type, ref, { type: "merge", body: { metadata: { labels } } }, { fieldManager: "a-person" });
  } else if (act !== "delete") {
    await client.apply(type, bodyOf(change), { fieldManager: "a-user" });
  }
}

function bodyOf({ type, namespace, name, turn, make }: Change): KubeObject {
  const metadata = { namespace, name, labels: { app: name }, annotations: { turn: String(turn) } };
  return { apiVersion: apiVersionOf(type), kind: type.kind, metadata, ...contentOf(type, name, turn, make) };
}

/** A field that comes and goes, one that changes, and one that only another object can have. */
function contentOf(type: ResourceType, name: string, turn: number, make: number): Record<string, unknown> {
  const app = `${name}-${make}`;
  const pod = { containers: [{ name: "main", image: `example.com/main:${turn}` }] };
  switch (groupResource(type)) {
    case "configmaps":
      return { data: { turn: String(turn), [`key-${turn % 3}`]: "set" } };
    case "secrets":
      return { type: `example.com/make-${make}`, stringData: { turn: String(turn), [`key-${turn % 3}`]: "set" } };
    case "services":
      return {
        spec: {
          selector: { app },
          ports: [{ port: 80 + turn % 10_000 }],
          ...(make % 2 === 0 ? {} : { clusterIP: "None" }),
        },
      };
    case "deployments.apps": {
      const template = { metadata: { labels: { app } }, spec: pod };
      return { spec: { replicas: turn % 5, selector: { matchLabels: { app } }, template } };
    }
    case "statefulsets.apps": {
      const template = { metadata: { labels: { app: name } }, spec: pod };
      return { spec: { replicas: turn % 5, serviceName: app, selector: { matchLabels: { app: name } }, template } };
    }
    case "persistentvolumeclaims":
      return { spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } } };
    case "jobs.batch": {
      // The template of a Job cannot be changed.
      const spec = { containers: [{ name: "main", image: `example.com/main:${make}` }], restartPolicy: "Never" };
      return { spec: { parallelism: 1 + turn % 3, template: { metadata: { labels: { app: name } }, spec } } };
    }
    case "ingresses.networking.k8s.io": {
      const path = { path: "/", pathType: "Prefix", backend: { service: { name: app, port: { number: 80 } } } };
      return { spec: { rules: [{ host: `web-${turn}.example.com`, http: { paths: [path] } }] } };
    }
    case "widgets.kills.example.com":
      return { spec: { size: turn, [`key-${turn % 3}`]: "set" } };
    case "cronjobs.batch": {
      const jobTemplate = { spec: { template: { spec: { ...pod, restartPolicy: "Never" } } } };
      return { spec: { schedule: `${turn % 60} 3 * * *`, jobTemplate } };
    }
    case "roles.rbac.authorization.k8s.io":
      return {
        rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get"], resourceNames: [`map-${turn}`] }],
      };
    default:
      return {
        roleRef: { apiGroup: RBAC.group, kind: "Role", name: `role-${make % 4}` },
        subjects: [{ kind: "ServiceAccount", name: `account-${turn}`, namespace: "default" }],
      };
  }
}
