/**
 * Schema of what a Replication selects and what differs in DR.
 *
 * @module
 */
import * as z from "zod";
import { objectName, typeSpellingOrAll } from "./common.ts";

/** Most entries of one of these lists. */
const MOST = 256;

const requirement = z.strictObject({
  key: z.string().min(1).max(317).meta({ description: "Label key." }),
  operator: z.enum(["In", "NotIn", "Exists", "DoesNotExist"]).meta({
    description: "What is asked of the label; NotIn holds also where the label is missing.",
  }),
  values: z.array(z.string().max(63)).max(MOST).optional().meta({
    description: "For In and NotIn.",
    "x-kubernetes-list-type": "atomic",
  }),
});

/** A label selector (metav1.LabelSelector). */
export const labelSelector = z.strictObject({
  matchLabels: z.record(z.string(), z.string()).optional().meta({
    description: "Labels that the object has, with these values.",
  }),
  matchExpressions: z.array(requirement).max(MOST).optional().meta({
    description: "Further requirements; all must hold.",
    "x-kubernetes-list-type": "atomic",
  }),
});

/** An object's name, or a pattern of names. */
const namePattern = z.string().min(1).max(253).regex(/^[^\s/%]+$/);

const excludedObject = z.strictObject({
  kind: typeSpellingOrAll.meta({ description: "Kind, spelled like `resourceTypes`; `*` for all." }),
  name: namePattern.meta({ description: "Name; `*` stands for any characters, `?` for one." }),
});

/** `spec.excludeObjects`. */
export const excludeObjects = z.array(excludedObject).max(MOST).meta({
  description: "Objects not to mirror. One that is named later: its copy goes the way of a deletion.",
  "x-kubernetes-list-type": "map",
  "x-kubernetes-list-map-keys": ["kind", "name"],
});

/** A registry, or a registry and the beginning of a repository; no tag, no digest. */
const imagePrefix = z.string().min(1).max(255).regex(
  /^[A-Za-z0-9][A-Za-z0-9._-]*(:[0-9]+)?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/,
);

const imageRewrite = z.strictObject({
  from: imagePrefix.meta({
    description:
      "Registry, or registry and beginning of the repository, up to a `/` or the end of the name. Compared " +
      "with the image as written, and with its full name (`nginx` is `docker.io/library/nginx`).",
  }),
  to: imagePrefix.meta({ description: "What stands there in DR. Tag and digest stay." }),
});

/** `spec.imageRewrites`. */
export const imageRewrites = z.array(imageRewrite).max(MOST).meta({
  description: "Images in DR, in every list of containers. The first that matches an image is used.",
  "x-kubernetes-list-type": "atomic",
});

const storageClassMapping = z.strictObject({
  from: z.string().min(1).max(253).regex(/^(\*|[a-z0-9]([-a-z0-9.]*[a-z0-9])?)$/).meta({
    description:
      "StorageClass in the source; `*` for every claim without a mapping of its own, also one without class.",
  }),
  to: objectName.meta({ description: "StorageClass in DR." }),
});

/** `spec.storageClassMappings`. */
export const storageClassMappings = z.array(storageClassMapping).max(MOST).meta({
  description: "StorageClasses of PersistentVolumeClaims and of the claim templates of StatefulSets. Label " +
    "`dr-syncer.io/storage-class` of a claim wins. What exists in DR keeps its class.",
  "x-kubernetes-list-type": "map",
  "x-kubernetes-list-map-keys": ["from"],
});

const accessMode = z.enum(["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"]);

const accessModeMapping = z.strictObject({
  from: accessMode.meta({ description: "Access mode in the source." }),
  to: accessMode.meta({ description: "Access mode in DR." }),
});

/** `spec.accessModeMappings`. */
export const accessModeMappings = z.array(accessModeMapping).max(MOST).meta({
  description: "Access modes of PersistentVolumeClaims and of the claim templates of StatefulSets. What exists in DR " +
    "keeps its modes.",
  "x-kubernetes-list-type": "map",
  "x-kubernetes-list-map-keys": ["from"],
});

const host = z.string().min(1).max(253).regex(
  /^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
);

const ingressHostMapping = z.strictObject({
  from: host.meta({
    description:
      "Host in the source, or `*.suffix` for every host below it. The exact host wins, then the longest suffix.",
  }),
  to: host.meta({ description: "Host in DR, or `*.suffix` where `from` is one." }),
}).meta({
  "x-kubernetes-validations": [{
    rule: "self.from.startsWith('*.') == self.to.startsWith('*.')",
    message: "a suffix maps to a suffix and a host to a host: begin both from and to with '*.', or neither",
    fieldPath: ".to",
  }],
});

/** `spec.ingressHostMappings`. */
export const ingressHostMappings = z.array(ingressHostMapping).max(MOST).meta({
  description: "Hosts of Ingress rules and TLS, of OpenShift Routes, of Gateway listeners and of Gateway API routes.",
  "x-kubernetes-list-type": "map",
  "x-kubernetes-list-map-keys": ["from"],
});

const operation = z.strictObject({
  op: z.enum(["add", "remove", "replace", "move", "copy", "test"]).meta({ description: "What is done." }),
  path: z.string().max(1024).meta({ description: "Where (JSON pointer)." }),
  from: z.string().max(1024).optional().meta({ description: "Where the value of move and copy is taken from." }),
  value: z.unknown().optional().meta({
    description: "Value of add, replace and test; not null (the API server drops it): use remove.",
    "x-kubernetes-preserve-unknown-fields": true,
  }),
});

const overrideMatch = z.strictObject({
  kind: typeSpellingOrAll.meta({ description: "Kind, spelled like `resourceTypes`; `*` for all." }),
  name: namePattern.optional().meta({
    description: "Name; `*` stands for any characters, `?` for one. Every name when empty.",
  }),
  labelSelector: labelSelector.optional().meta({ description: "Labels of the source object. Any when empty." }),
});

const override = z.strictObject({
  name: z.string().min(1).max(63).regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/).meta({
    description: "Name of the override, for status and messages.",
  }),
  match: overrideMatch.meta({ description: "Which objects; all that is named must hold." }),
  jsonPatch: z.array(operation).min(1).max(64).meta({
    description: "JSON patch (RFC 6902) of the copy, after the mappings and before workloads are taken down. Neither " +
      "apiVersion, kind, status and `dr-syncer.io` keys can be patched, nor metadata but single labels and annotations.",
    "x-kubernetes-list-type": "atomic",
  }),
});

/** `spec.overrides`. */
export const overrides = z.array(override).max(MOST).meta({
  description:
    "What else differs in DR, in the order of the list. An override that does not fit an object it matches: " +
    "that object is not written, and `status.failures` says so.",
  "x-kubernetes-list-type": "map",
  "x-kubernetes-list-map-keys": ["name"],
});
