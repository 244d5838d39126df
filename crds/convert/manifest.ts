/**
 * A manifest of any kind, with what a conversion looks at.
 *
 * @module
 */

/** A document of a file. */
export interface ManifestInput {
  readonly file: string;
  readonly value: unknown;
}

/** A document that was found to be an object. */
export interface LegacyManifest {
  readonly file: string;
  readonly value: Readonly<Record<string, unknown>>;
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  /** Undefined where the manifest leaves it to kubectl. */
  readonly namespace?: string;
  /** For people: `NamespaceMapping shop/web`. */
  readonly label: string;
}

/** A file that holds something else than Kubernetes objects. */
export class ManifestError extends Error {
  override readonly name = "ManifestError";
}

/** Reads kind and name. Throws `ManifestError` for what is no object. */
export function readManifest({ file, value }: ManifestInput): LegacyManifest {
  if (!isMapping(value) || typeof value.apiVersion !== "string" || typeof value.kind !== "string") {
    throw new ManifestError(`Cannot read ${file}: a document has no apiVersion and kind; give Kubernetes manifests`);
  }
  const { apiVersion, kind } = value;
  const { name, namespace } = isMapping(value.metadata) ? value.metadata : {};
  if (typeof name !== "string" || name === "") {
    throw new ManifestError(`Cannot read ${file}: a ${kind} has no metadata.name; add it`);
  }
  const where = typeof namespace === "string" && namespace !== "" ? namespace : undefined;
  const group = apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
  const label = `${kind} ${where === undefined ? "" : `${where}/`}${name}`;
  return { file, value, group, kind, name, namespace: where, label };
}

/** Metadata of the converted object: name, labels and annotations that are not the tools' own. */
export function metadataFor(manifest: LegacyManifest, namespace: string, name = manifest.name): object {
  const { labels, annotations } = isMapping(manifest.value.metadata) ? manifest.value.metadata : {};
  const kept = keysOf(
    annotations,
    (key) => !key.startsWith("kubectl.kubernetes.io/") && !key.startsWith("dr-syncer.io/"),
  );
  return { name, namespace, ...asField("labels", keysOf(labels, () => true)), ...asField("annotations", kept) };
}

function keysOf(value: unknown, wanted: (key: string) => boolean): Record<string, string> {
  const entries = Object.entries(isMapping(value) ? value : {}).filter(([key]) => wanted(key));
  return Object.fromEntries(entries.map(([key, text]) => [key, String(text)]));
}

function asField(name: string, keys: Record<string, string>): object {
  return Object.keys(keys).length === 0 ? {} : { [name]: keys };
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
