/**
 * Schema of what a Replication selects and what differs in DR.
 *
 * @module
 */
import * as z from "zod";
import { typeSpellingOrAll } from "./common.ts";

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
