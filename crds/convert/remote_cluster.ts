/**
 * RemoteClusters of the first version.
 *
 * @module
 */
import { GROUP, VERSION } from "../keys.ts";
import { type ConvertContext, dropSettings, type OutputObject, tellRest } from "./context.ts";
import type { Remarks } from "./finding.ts";
import { LegacyFields } from "./legacy_fields.ts";
import { type LegacyManifest, metadataFor } from "./manifest.ts";
import { DROPPED_CLUSTER_SETTINGS } from "./settings.ts";
import { resourceTypesFrom, scheduleFrom } from "./values.ts";

/** Fields that are ours already. */
const TODAYS = ["allowedNamespaces", "allowedDestinations"] as const;

/** The RemoteCluster, or nothing where it is not needed or cannot be. */
export function convertRemoteCluster(
  manifest: LegacyManifest,
  remarks: Remarks,
  context: ConvertContext,
): OutputObject[] {
  const fields = new LegacyFields(manifest.value.spec);
  if (manifest.name === context.ownCluster) {
    remarks.note("", "is the controller's own cluster: a source without sourceCluster, no RemoteCluster is needed");
    return [];
  }
  const secretRef = takeSecretRef(fields, manifest, remarks, context);
  if (secretRef === undefined) return [];
  const spec: Record<string, unknown> = { kubeconfigSecretRef: secretRef };
  const schedule = scheduleFrom(fields.take("defaultSchedule"), "spec.defaultSchedule", remarks);
  if (schedule !== undefined) spec.defaultSchedule = schedule;
  const types = resourceTypesFrom(fields.take("defaultResourceTypes"), "spec.defaultResourceTypes", remarks);
  if (types.length > 0) spec.defaultResourceTypes = types;
  for (const field of TODAYS) {
    const value = fields.take(field);
    if (value !== undefined) spec[field] = value;
  }
  takePvcSync(fields, remarks);
  dropSettings(fields, DROPPED_CLUSTER_SETTINGS, remarks);
  tellRest(fields, remarks);
  const metadata = metadataFor(manifest, context.namespace);
  return [{ apiVersion: `${GROUP}/${VERSION}`, kind: "RemoteCluster", metadata, spec }];
}

/** `kubeconfigSecretRef`, and what guides called it: `kubeconfigSecret` (a name or a reference), `kubeconfig.secretRef`. */
function takeSecretRef(
  fields: LegacyFields,
  { namespace: own }: LegacyManifest,
  { lost }: Remarks,
  context: ConvertContext,
): { name: string; key?: string } | undefined {
  const value = fields.takeAny("kubeconfigSecretRef", "kubeconfigSecret", "kubeconfig.secretRef");
  const ref = new LegacyFields(typeof value === "string" ? { name: value } : value);
  const [name, namespace, key] = [ref.take("name"), ref.take("namespace") ?? own, ref.take("key")];
  if (typeof name !== "string" || name === "") {
    lost("spec.kubeconfigSecretRef.name", "is missing: name the Secret with the kubeconfig; the object is left out");
    return undefined;
  }
  if (namespace !== undefined && namespace !== context.namespace) {
    lost(
      "spec.kubeconfigSecretRef.namespace",
      `Secrets are read in namespace ${context.namespace} only: create Secret ${name} there with the kubeconfig of ` +
        `${namespace}/${name} (inline certificates and tokens, no exec and no files)`,
    );
  }
  return { name, ...(typeof key === "string" && key !== "" ? { key } : {}) };
}

/** Agents for volume data. */
function takePvcSync(fields: LegacyFields, { lost }: Remarks): void {
  const value = fields.take("pvcSync");
  const enabled = new LegacyFields(value).take("enabled");
  if (value === undefined || enabled === false || Object.keys(value as object).length === 0) return;
  lost(
    "spec.pvcSync",
    "is not taken over: volume data is copied otherwise, docs/guide/volumes.md says how; keep what copies it until then",
  );
}
