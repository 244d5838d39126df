/**
 * The web shop: its objects, and what each looks like once it is in DR.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import { parseAllDocuments } from "yaml";
import { MANAGED_BY, ORIGINAL_REPLICAS, ORIGINAL_SUSPEND } from "../../crds/keys.ts";
import type { KubeObject } from "../../kube/types.ts";

/** Namespace of the shop. */
export const NAMESPACE = "shop";

/** Fields of an object, for looking into it. */
type Fields = Record<string, unknown>;

const manifest = new URL("./shop.yaml", import.meta.url);

/** Reads the shop's objects in the order they are applied; the password is a random one. */
export async function readApplication(): Promise<KubeObject[]> {
  const documents = parseAllDocuments(await Deno.readTextFile(manifest));
  const objects = documents.map((document) => document.toJS() as KubeObject);
  return objects.map((object) => object.kind === "Secret" ? { ...object, stringData: newLogin() } : object);
}

/** A login for the shop's database. */
export function newLogin(): Record<string, string> {
  return { user: "shop", password: crypto.getRandomValues(new Uint8Array(18)).toBase64() };
}

/** Says what the copy of a source object is, when it holds what it should; undefined when it does not. */
export function describeCopy(source: KubeObject, copy: KubeObject | undefined): string | undefined {
  if (copy === undefined || copy.metadata.deletionTimestamp !== undefined) return undefined;
  const isDefinition = copy.kind === "CustomResourceDefinition";
  if (!isDefinition && copy.metadata.labels?.[MANAGED_BY] === undefined) return undefined;
  return (notes[source.kind] ?? describeSpec)(source, copy);
}

const notes: Readonly<Record<string, (source: KubeObject, copy: KubeObject) => string | undefined>> = {
  Deployment: describeWorkload,
  StatefulSet: describeWorkload,
  CronJob: (source, copy) => {
    const kept = copy.metadata.annotations?.[ORIGINAL_SUSPEND] ?? "false";
    const same = specOf(copy).schedule === specOf(source).schedule && specOf(copy).suspend === true;
    return same ? `suspended, originally ${kept === "true" ? "suspended" : "running"}` : undefined;
  },
  Secret: (source, copy) => {
    const count = Object.keys((copy.data ?? {}) as Fields).length;
    return isDeepStrictEqual(copy.data, source.data) ? `${count} keys, values equal (not shown)` : undefined;
  },
  ConfigMap: (source, copy) => isDeepStrictEqual(copy.data, source.data) ? "data equal" : undefined,
  Role: (source, copy) => isDeepStrictEqual(copy.rules, source.rules) ? "rules equal" : undefined,
  RoleBinding: (source, copy) => isDeepStrictEqual(copy.subjects, source.subjects) ? "subjects equal" : undefined,
  ServiceAccount: () => "",
  Namespace: () => "",
  CustomResourceDefinition: () => "definition created",
  Service: (source, copy) => {
    if (!isDeepStrictEqual(specOf(copy).ports, specOf(source).ports)) return undefined;
    return specOf(copy).clusterIP === "None" ? "headless as well" : "a cluster IP of DR's own";
  },
  PersistentVolumeClaim: (source, copy) => {
    return isDeepStrictEqual(specOf(copy).resources, specOf(source).resources)
      ? "same size, a volume of DR's own"
      : undefined;
  },
};

function describeWorkload(source: KubeObject, copy: KubeObject): string | undefined {
  const [wanted, kept] = [String(specOf(source).replicas), copy.metadata.annotations?.[ORIGINAL_REPLICAS]];
  const same = isDeepStrictEqual(imagesOf(copy), imagesOf(source)) && kept === wanted && specOf(copy).replicas === 0;
  return same ? `0 replicas, originally ${kept}` : undefined;
}

function describeSpec(source: KubeObject, copy: KubeObject): string | undefined {
  return isDeepStrictEqual(copy.spec, source.spec) ? "spec equal" : undefined;
}

/** Images of a workload's containers. */
export function imagesOf(workload: KubeObject): string[] {
  const template = specOf(workload).template as { spec?: { containers?: { image: string }[] } } | undefined;
  return template?.spec?.containers?.map(({ image }) => image) ?? [];
}

function specOf(object: KubeObject): Fields {
  return (object.spec ?? {}) as Fields;
}
