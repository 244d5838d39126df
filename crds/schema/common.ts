/**
 * Parts of a schema that both kinds use.
 *
 * @module
 */
import * as z from "zod";

const LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";

/** A namespace's name (RFC 1123 label). */
export const namespaceName = z.string().min(1).max(63).regex(new RegExp(`^${LABEL}$`));

/** A namespace's name, or a template of names: `{namespace}` stands for the source's. */
export const destinationNamespace = z.string().min(1).max(63).regex(
  /^([a-z0-9]([-a-z0-9]*[a-z0-9])?|([a-z0-9][-a-z0-9]*)?\{namespace\}([-a-z0-9]*[a-z0-9])?)$/,
);

/** An object's name (RFC 1123 subdomain). */
export const objectName = z.string().min(1).max(253).regex(new RegExp(`^${LABEL}(\\.${LABEL})*$`));

/** A duration as Go writes it, without fractions and signs: `500ms`, `30s`, `1h30m`. */
export const duration = z.string().max(32).regex(/^([0-9]+(ms|s|m|h))+$/);

/** A point in time (RFC 3339). */
export const time = z.string().meta({ format: "date-time" });

/** A cron expression; its grammar is checked in `crds/cron.ts`. */
export const cron = z.string().min(1).max(256);

/** A count that is never negative. */
export const count = z.int().min(0);

/** One spelling of a kind. */
export const typeSpelling = z.string().max(253).regex(/^[A-Za-z][A-Za-z0-9.-]*$/);

/** One spelling of a kind, or `*` for all. */
export const typeSpellingOrAll = z.string().max(253).regex(/^(\*|[A-Za-z][A-Za-z0-9.-]*)$/);

/** A list without order in which a value occurs once; several field managers may own parts of it. */
export function setOf(item: z.ZodString, description: string) {
  return z.array(item).max(256).meta({ description, "x-kubernetes-list-type": "set" });
}

/** A condition (metav1.Condition). */
export const condition = z.strictObject({
  type: z.string().max(316).meta({ description: "Name of the condition." }),
  status: z.enum(["True", "False", "Unknown"]).meta({ description: "Whether it holds." }),
  observedGeneration: count.optional().meta({ description: "`metadata.generation` this was decided on." }),
  lastTransitionTime: time.meta({ description: "When `status` last changed." }),
  reason: z.string().min(1).max(1024).regex(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/).meta({
    description: "Why, in one word for programs.",
  }),
  message: z.string().max(32768).meta({ description: "Why, for people: what is wrong and what to do." }),
});

/** The conditions of an object, one of a type. */
export function conditionsOf(types: string) {
  return z.array(condition).optional().meta({
    description: `Conditions: ${types}.`,
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["type"],
  });
}

const hold = z.strictObject({
  id: z.string().meta({
    description: "Digest of what is held: the value for `dr-syncer.io/approve`. A set that grows gets a new id.",
  }),
  type: z.string().meta({ description: "What kind of hold, for example `Deletion` or `IdentityChanged`." }),
  volume: z.string().optional().meta({ description: "The claim whose data it holds back." }),
  count: count.meta({ description: "How many objects, or entries of a volume, it holds." }),
  reason: z.string().meta({ description: "Why it is held, for people." }),
  since: time.meta({ description: "When it was first held." }),
  sample: z.array(z.string()).max(10).optional().meta({
    description: "Some of what is held, at most 10 names.",
    "x-kubernetes-list-type": "atomic",
  }),
});

/** What waits for a person's approval. */
export const holds = z.array(hold).max(20).optional().meta({
  description: "What waits for an approval (annotation `dr-syncer.io/approve: <id>`), at most 20.",
  "x-kubernetes-list-type": "atomic",
});
