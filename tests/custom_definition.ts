/**
 * CustomResourceDefinitions for tests: of one version, which is stored.
 *
 * @module
 */
import type { KubeObject } from "../kube/types.ts";

/** What a definition says; the rest follows from its kind. */
export interface DefinitionShape {
  /** `GatePolicy`. */
  readonly kind: string;
  /** `gatepolicies` unless told otherwise. */
  readonly plural?: string;
  readonly shortNames?: readonly string[];
  /** `example.com` unless told otherwise. */
  readonly group?: string;
  /** `v1` unless told otherwise. */
  readonly version?: string;
  /** OpenAPI schema of an object; unless told otherwise, everything is taken. */
  readonly schema?: object;
  readonly subresources?: Readonly<Record<string, object>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The definition of a namespaced custom resource. */
export function customDefinition(shape: DefinitionShape): KubeObject {
  const { kind, shortNames = [], group = "example.com", version = "v1", subresources, annotations } = shape;
  const singular = kind.toLowerCase();
  const plural = shape.plural ?? `${singular.replace(/y$/, "ie")}s`;
  const schema = shape.schema ?? { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}`, ...(annotations === undefined ? {} : { annotations }) },
    spec: {
      group,
      scope: "Namespaced",
      names: { kind, plural, singular, shortNames },
      versions: [{
        name: version,
        served: true,
        storage: true,
        schema: { openAPIV3Schema: schema },
        ...(subresources === undefined ? {} : { subresources }),
      }],
    },
  };
}

/** Schema of an object with these fields in its `spec`, and others in its `status`. */
export function schemaOf(spec: Readonly<Record<string, object>>, status?: Readonly<Record<string, object>>): object {
  return {
    type: "object",
    properties: {
      spec: { type: "object", properties: spec },
      ...(status === undefined ? {} : { status: { type: "object", properties: status } }),
    },
  };
}
