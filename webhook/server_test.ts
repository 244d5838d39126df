import assert from "node:assert/strict";
import type { AdmissionAnswer, Hint } from "./review.ts";
import { createAdmissionApp, type Judgement, noRequests } from "./server.ts";

const REQUEST = {
  uid: "u1",
  resource: { group: "", version: "v1", resource: "configmaps" },
  name: "a",
  namespace: "shop",
  operation: "CREATE",
  userInfo: { username: "alice" },
};

function start(validate: () => Judgement = () => ({ denials: [], warnings: [] })) {
  const hints: Hint[] = [];
  const counts = noRequests();
  const app = createAdmissionApp({
    onHint: (hint) => void hints.push(hint),
    validate,
    counts,
    bodyLimitBytes: 100_000,
  });
  const post = async (path: string, body: BodyInit | object) => {
    const init = typeof body === "string" || body instanceof ReadableStream ? body : JSON.stringify(body);
    const response = await app.request(path, { method: "POST", body: init });
    const answer = await response.json() as AdmissionAnswer;
    return { httpStatus: response.status, ...answer.response };
  };
  return { app, post, hints, counts };
}

/** A body of unknown length, in chunks. */
function stream(text: string, chunkBytes: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at += chunkBytes));
    },
  });
}

Deno.test("/observe answers allowed and passes the key on", async () => {
  const { post, hints, counts } = start();
  assert.deepEqual(await post("/observe", { request: REQUEST }), { httpStatus: 200, uid: "u1", allowed: true });
  assert.deepEqual(hints.map(({ namespace, name }) => [namespace, name]), [["shop", "a"]]);
  assert.equal(counts.observed, 1);
});

Deno.test("/observe lets pass what it cannot read, with the uid when there is one, and counts it", async () => {
  const { post, hints, counts } = start();
  for (const [body, uid] of [["", ""], ["{", ""], ["null", ""], ['{"request":{"uid":"u2"}}', "u2"]] as const) {
    assert.deepEqual(await post("/observe", body), { httpStatus: 200, uid, allowed: true });
  }
  assert.equal(counts.malformed, 4);
  assert.equal(hints.length, 0);
});

Deno.test("/observe takes the key from the head of a body over the limit, in whatever chunks it comes", async () => {
  const body = JSON.stringify({ request: { ...REQUEST, object: { data: "x".repeat(300_000) }, oldObject: null } });
  for (const chunkBytes of [1_000, 17_000, 400_000]) {
    const { post, hints, counts } = start();
    const answer = await post("/observe", stream(body, chunkBytes));
    assert.equal(answer.allowed, true);
    if (chunkBytes < 100_000) assert.deepEqual(hints.map(({ name }) => name), ["a"]);
    else assert.equal(counts.oversize, 1);
  }
});

Deno.test("/observe parses a large body as a whole when its head has no name", async () => {
  const metadata = { name: "made-7" };
  const body = JSON.stringify({ request: { ...REQUEST, name: "", object: { data: "x".repeat(90_000), metadata } } });
  const { post, hints } = start();
  await post("/observe", stream(body, 8_000));
  assert.deepEqual(hints.map(({ name }) => name), ["made-7"]);
});

Deno.test("/validate denies with every reason, and warns", async () => {
  const judgement = { denials: ["spec.a: wrong", "spec.b: wrong"], warnings: ["later"] };
  const { post, counts } = start(() => judgement);
  assert.deepEqual(await post("/validate", { request: REQUEST }), {
    httpStatus: 200,
    uid: "u1",
    allowed: false,
    status: { code: 422, reason: "Invalid", message: "spec.a: wrong; spec.b: wrong" },
    warnings: ["later"],
  });
  assert.equal(counts.denied, 1);
});

Deno.test("/validate lets pass, with a warning, what its own check cannot cope with", async () => {
  const { post, counts } = start(() => {
    throw new Error("a bug");
  });
  const answer = await post("/validate", { request: REQUEST });
  assert.equal(answer.allowed, true);
  assert.match(answer.warnings?.[0] ?? "", /could not check this object at admission: a bug/);
  assert.equal(counts.failedChecks, 1);
});

Deno.test("/validate refuses what is no review and what is over the limit", async () => {
  const { post, counts } = start();
  assert.equal((await post("/validate", "{")).httpStatus, 400);
  const large = JSON.stringify({ request: { ...REQUEST, object: { data: "x".repeat(200_000) } } });
  assert.equal((await post("/validate", large)).httpStatus, 413);
  assert.equal((await post("/validate", stream(large, 9_000))).httpStatus, 413);
  assert.deepEqual([counts.malformed, counts.oversize], [1, 2]);
});

Deno.test("/healthz is ok, other paths and methods are not found", async () => {
  const { app } = start();
  assert.equal(await (await app.request("/healthz")).text(), "ok");
  assert.equal((await app.request("/observe")).status, 404);
});
