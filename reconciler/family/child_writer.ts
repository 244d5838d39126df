/**
 * Writes of children, in the control namespace: only while this process leads, each with a line in the audit log.
 *
 * @module
 */
import { FIELD_MANAGER } from "../../crds/keys.ts";
import { REPLICATIONS } from "../../crds/resource_types.ts";
import type { Replication } from "../../crds/types.ts";
import { isKubeError } from "../../kube/errors.ts";
import type { Log } from "../../kube/log.ts";
import type { Writer } from "../../kube/types.ts";

/** What the writes are carried out with. */
export interface ChildWriterPorts {
  readonly client: Pick<Writer, "create" | "patch" | "delete">;
  readonly auditLog: Log;
  /** Whether this process leads at this very moment. */
  leads(): boolean;
}

/** See the module. All methods throw `KubeError`; what another write has outdated by now is no error: its event comes. */
export class ChildWriter {
  readonly #ports: ChildWriterPorts;

  constructor(ports: ChildWriterPorts) {
    this.#ports = ports;
  }

  /** POST, not apply: one that exists already is never taken over. */
  async create(child: Replication): Promise<void> {
    await this.#write("create", child, "its namespace has the labels", ["AlreadyExists"], () => {
      return this.#ports.client.create(REPLICATIONS, child, { fieldManager: FIELD_MANAGER });
    });
  }

  /**
   * A merge patch, not an apply: an apply would leave what somebody else added to the spec. Nothing else is touched, so that
   * `sync-now` and `approve` on a child stay.
   */
  async patch(child: Replication, body: Record<string, unknown>): Promise<void> {
    await this.#write("patch", child, "it differs from its parent", ["NotFound", "Conflict"], () => {
      const ref = { namespace: child.metadata.namespace, name: child.metadata.name };
      return this.#ports.client.patch(REPLICATIONS, ref, { type: "merge", body }, { fieldManager: FIELD_MANAGER });
    });
  }

  /** Deletes this very object. What becomes of its standby is its own `spec` that says. */
  async delete(child: Replication, why: string): Promise<void> {
    await this.#write("delete", child, why, ["NotFound", "Conflict"], () => {
      const { namespace, name, uid } = child.metadata;
      return this.#ports.client.delete(REPLICATIONS, { namespace, name }, { uid });
    });
  }

  async #write(
    operation: string,
    { metadata }: Replication,
    why: string,
    outdated: readonly ("AlreadyExists" | "NotFound" | "Conflict")[],
    call: () => Promise<unknown>,
  ): Promise<void> {
    if (!this.#ports.leads()) return;
    try {
      await call();
    } catch (error) {
      if (!isKubeError(error, ...outdated)) throw error;
      return;
    }
    const { name, namespace } = metadata;
    const cluster = "(own cluster)";
    const fields = { operation, kind: "replications", name, namespace, cluster, why };
    this.#ports.auditLog.info("{operation} {kind} {name}", fields);
  }
}
