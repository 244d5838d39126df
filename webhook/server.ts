/**
 * The admission server's routes: `/observe` only listens, `/validate` judges our own kinds.
 *
 * @module
 */
import { type Context, Hono } from "hono";
import { BODY_LIMIT_BYTES, readForHint, readWhole } from "./body.ts";
import { allow, deny, type Hint, parseReview, type ReviewRequest, toHint } from "./review.ts";

/** What a check of one of our objects came to; texts for people. */
export interface Judgement {
  readonly denials: readonly string[];
  readonly warnings: readonly string[];
}

/** Counts since the thread began. */
export interface RequestCounts {
  observed: number;
  validated: number;
  denied: number;
  /** Bodies that were no AdmissionReview; let pass by `/observe`. */
  malformed: number;
  /** Bodies over the limit. */
  oversize: number;
  /** Objects that our own check could not cope with; let pass. */
  failedChecks: number;
}

/** What the routes need. */
export interface AdmissionAppOptions {
  /** Called for each admitted write before it is answered; must not throw or wait. */
  readonly onHint: (hint: Hint) => void;
  /** Judges one create or update of our kinds. */
  readonly validate: (request: ReviewRequest) => Judgement;
  /** Counted up in place. */
  readonly counts: RequestCounts;
  readonly bodyLimitBytes?: number;
}

/** Counts at zero. */
export function noRequests(): RequestCounts {
  return { observed: 0, validated: 0, denied: 0, malformed: 0, oversize: 0, failedChecks: 0 };
}

/** `POST /observe`, `POST /validate`, `GET /healthz`. */
export function createAdmissionApp(options: AdmissionAppOptions): Hono {
  const app = new Hono();
  app.post("/observe", (c) => observe(c, options));
  app.post("/validate", (c) => validate(c, options));
  app.get("/healthz", (c) => c.text("ok"));
  return app;
}

/** Always allowed: whatever is wrong here is ours, never the writer's. */
async function observe(c: Context, options: AdmissionAppOptions): Promise<Response> {
  options.counts.observed++;
  const review = await readForHint(c.req.raw, options.bodyLimitBytes ?? BODY_LIMIT_BYTES).catch(() => undefined);
  if (review === "oversize") {
    options.counts.oversize++;
    return c.json(allow(""));
  }
  const parsed = parseReview(review);
  if (!parsed.ok) {
    options.counts.malformed++;
    return c.json(allow(parsed.uid));
  }
  const hint = toHint(parsed.request);
  if (hint) options.onHint(hint);
  return c.json(allow(parsed.request.uid));
}

async function validate(c: Context, options: AdmissionAppOptions): Promise<Response> {
  const { counts } = options;
  counts.validated++;
  const limitBytes = options.bodyLimitBytes ?? BODY_LIMIT_BYTES;
  const body = await readWhole(c.req.raw, limitBytes);
  if (body === undefined) {
    counts.oversize++;
    return c.json(deny("", [`Cannot check an AdmissionReview over ${limitBytes} bytes`], [], 413), 413);
  }
  const parsed = parseReview(parseJson(body));
  if (!parsed.ok) {
    counts.malformed++;
    return c.json(deny(parsed.uid, [`Cannot read the AdmissionReview: ${parsed.problem}`], [], 400), 400);
  }
  const { uid } = parsed.request;
  const judgement = judge(parsed.request, options);
  if (judgement.denials.length === 0) return c.json(allow(uid, judgement.warnings));
  counts.denied++;
  return c.json(deny(uid, judgement.denials, judgement.warnings));
}

/** A check that fails lets pass: the reconciler checks again, and a bug here must not lock anyone out. */
function judge(request: ReviewRequest, options: AdmissionAppOptions): Judgement {
  try {
    return options.validate(request);
  } catch (error) {
    options.counts.failedChecks++;
    const why = error instanceof Error ? error.message : String(error);
    return { denials: [], warnings: [`dr-syncer could not check this object at admission: ${why}`] };
  }
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}
