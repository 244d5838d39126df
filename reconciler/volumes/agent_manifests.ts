/**
 * The objects that an agent is made of. The privileges are the least with which it works: each one that was taken away broke it.
 *
 * @module
 */
import type { KubeObject } from "../../kube/types.ts";
import { type AgentEnd, type AgentId, agentMetadata } from "./agent_names.ts";
import { AGENT, AGENT_CLAIM } from "../../crds/keys.ts";
import type { Placement } from "./claim_plan.ts";

/** Port of a source agent's sshd. */
export const SSH_PORT = 2222;
/** Below every workload: who needs the place gets it. deploy/ makes it; a standby's quota lets its Pods run. */
export const AGENT_PRIORITY_CLASS = "dr-syncer-agent";

/** Which image agents run. */
export interface AgentImage {
  readonly name: string;
  readonly pullPolicy: "Always" | "IfNotPresent" | "Never";
}

/** An agent to make. */
export interface AgentSpec {
  readonly id: AgentId;
  readonly end: AgentEnd;
  readonly name: string;
  readonly namespace: string;
  readonly image: AgentImage;
  readonly placement: Placement;
}

/** Where the source agent can be reached: an address and a port of a TCP connection. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** root within the container: files have owners. Without FSETID rsync loses setgid without a word. */
const CAPABILITIES: Readonly<Record<AgentEnd, readonly string[]>> = {
  source: ["DAC_OVERRIDE", "SETGID", "SETUID", "SYS_CHROOT"],
  target: ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID"],
};
/** rsync that is asked to end keeps what it has of a file; the agent kills it after 10 s. */
const GRACE_SECONDS: Readonly<Record<AgentEnd, number>> = { source: 5, target: 20 };

/** The Pod. */
export function agentPod({ id, end, name, namespace, image, placement }: AgentSpec): KubeObject {
  const isSource = end === "source";
  const metadata = agentMetadata(name, namespace, id);
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      ...metadata,
      annotations: {
        ...metadata.annotations,
        // A mesh's proxy would end the connection, and keep the Pod alive.
        "sidecar.istio.io/inject": "false",
        "linkerd.io/inject": "disabled",
      },
    },
    spec: {
      restartPolicy: "Never",
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      // It is told addresses, and asks for no names.
      dnsPolicy: "Default",
      priorityClassName: AGENT_PRIORITY_CLASS,
      terminationGracePeriodSeconds: GRACE_SECONDS[end],
      tolerations: placement.tolerations,
      ...(placement.node === undefined ? {} : { affinity: onNode(placement.node) }),
      securityContext: { seccompProfile: { type: "RuntimeDefault" } },
      containers: [{
        name: "agent",
        image: image.name,
        imagePullPolicy: image.pullPolicy,
        args: [end],
        ...(isSource
          ? {
            ports: [{ name: "ssh", containerPort: SSH_PORT }],
            // Not a readinessProbe: sshd would tell of each in its log, for as long as the pass takes.
            startupProbe: { tcpSocket: { port: "ssh" }, periodSeconds: 1, failureThreshold: 60 },
          }
          : {}),
        resources: { requests: { cpu: "50m", memory: "64Mi" } },
        securityContext: {
          runAsUser: 0,
          runAsGroup: 0,
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"], add: CAPABILITIES[end] },
        },
        volumeMounts: [
          { name: "data", mountPath: "/data", ...(isSource ? { readOnly: true } : {}) },
          { name: "keys", mountPath: "/keys", readOnly: true },
          { name: "run", mountPath: "/run/dr-syncer" },
        ],
      }],
      volumes: [
        { name: "data", persistentVolumeClaim: { claimName: id.claim } },
        { name: "keys", secret: { secretName: name, defaultMode: 0o400 } },
        { name: "run", emptyDir: { medium: "Memory", sizeLimit: "16Mi" } },
      ],
    },
  };
}

/** Not `nodeName`: a scheduler that is passed over binds no volume, and checks no taint. */
function onNode(node: string): object {
  const matchFields = [{ key: "metadata.name", operator: "In", values: [node] }];
  return { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields }] } } };
}

/** The Secret with an agent's keys: file names as the agent reads them. */
export function agentSecret(
  { id, name, namespace }: AgentSpec,
  keys: Readonly<Record<string, string>>,
): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: agentMetadata(name, namespace, id),
    type: "Opaque",
    immutable: true,
    data: Object.fromEntries(
      Object.entries(keys).map(([key, text]) => [key, new TextEncoder().encode(text).toBase64()]),
    ),
  };
}

/** A way to the source agent from outside the cluster: only its own node answers at the port. */
export function sourceService({ id, name, namespace }: AgentSpec): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: agentMetadata(name, namespace, id),
    spec: {
      type: "NodePort",
      externalTrafficPolicy: "Local",
      // The node's rules are there before the agent listens: a first attempt that is dropped would cost ten seconds.
      publishNotReadyAddresses: true,
      selector: { [AGENT]: name },
      ports: [{ name: "ssh", port: SSH_PORT, targetPort: "ssh", protocol: "TCP" }],
    },
  };
}

/** The source agent is spoken to at its one port, if it has to be reached from outside at all, and speaks to nobody. */
export function sourcePolicy({ id, name, namespace }: AgentSpec, isDirect = true): KubeObject {
  return policy(id, name, namespace, isDirect ? [{ ports: [{ protocol: "TCP", port: SSH_PORT }] }] : [], []);
}

/** The target agent is spoken to by nobody, and speaks to these addresses. */
export function targetPolicy({ id, name, namespace }: AgentSpec, addresses: readonly Address[]): KubeObject {
  const egress = addresses.map(({ host, port }) => ({
    to: [{ ipBlock: { cidr: `${host}/${host.includes(":") ? 128 : 32}` } }],
    ports: [{ protocol: "TCP", port }],
  }));
  return policy(id, name, namespace, [], egress);
}

function policy(id: AgentId, name: string, namespace: string, ingress: object[], egress: object[]): KubeObject {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: agentMetadata(name, namespace, id),
    spec: {
      podSelector: { matchLabels: { [AGENT]: name } },
      policyTypes: ["Ingress", "Egress"],
      ingress,
      egress,
    },
  };
}

/** The claim that an object of an agent is about. */
export function claimOf(object: KubeObject): string | undefined {
  return object.metadata.annotations?.[AGENT_CLAIM];
}
