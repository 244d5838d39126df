import assert from "node:assert/strict";
import {
  emptyMemory,
  FRESH_MS,
  nextRead,
  noteFailure,
  noteRead,
  noteWide,
  type ProofRead,
  type Provable,
  readId,
} from "./proof_plan.ts";

const NOW = { wallMs: 1_000_000_000, monotonicMs: 1_000_000 };
/** Between two reads, as the controller paces them. */
const PAUSE_MS = 200;

/** A kind of a namespace that was proven this long ago. */
function proven(kind: string, namespace: string, agoMs = FRESH_MS + 1): Provable {
  return { kind, namespace, provenWallMs: NOW.wallMs - agoMs };
}

Deno.test("the oldest proof comes first, what is fresh is left alone", () => {
  const provables = [proven("v1/a", "shop", 40_000), proven("v1/b", "shop", 50_000), proven("v1/c", "shop", 1_000)];
  assert.equal(nextRead(provables, emptyMemory(), NOW)?.kind, "v1/b");
  assert.equal(nextRead([proven("v1/c", "shop", FRESH_MS)], emptyMemory(), NOW), undefined);
});

Deno.test("one namespace is read alone, several are read with one list of the cluster", () => {
  const one = { kind: "v1/a", namespace: "shop", maxRequests: Infinity };
  assert.deepEqual(nextRead([proven("v1/a", "shop"), proven("v1/b", "bank")], emptyMemory(), NOW), one);
  const provables = [proven("v1/a", "shop"), proven("v1/a", "bank", 0)];
  assert.deepEqual(nextRead(provables, emptyMemory(), NOW), { kind: "v1/a", maxRequests: 1 });
});

Deno.test("a kind that is large in the cluster is read by namespace, unless as many namespaces are due as it takes", () => {
  const memory = emptyMemory();
  const provables = ["a", "b", "c", "d"].map((namespace) => proven("v1/secrets", namespace));
  noteWide("v1/secrets", 5, memory, NOW.monotonicMs);
  assert.equal(nextRead(provables, memory, NOW)?.namespace, "a");
  noteWide("v1/secrets", 4, memory, NOW.monotonicMs);
  assert.deepEqual(nextRead(provables, memory, NOW), { kind: "v1/secrets", maxRequests: 4 });
  const fresh = provables.map((one, index) => index < 2 ? { ...one, provenWallMs: NOW.wallMs } : one);
  assert.equal(nextRead(fresh, memory, NOW)?.namespace, "c");
});

Deno.test("where a list of the cluster is forbidden, namespaces are read; after ten minutes it is tried again", () => {
  const memory = emptyMemory();
  const provables = [proven("v1/a", "shop"), proven("v1/a", "bank")];
  noteWide("v1/a", Infinity, memory, NOW.monotonicMs);
  assert.equal(nextRead(provables, memory, NOW)?.namespace, "shop");
  const later = { ...NOW, monotonicMs: NOW.monotonicMs + 600_001 };
  assert.equal(nextRead(provables, memory, later)?.namespace, undefined);
});

Deno.test("a read rests a hundred times as long as it took, and others come meanwhile", () => {
  const memory = emptyMemory();
  const provables = [proven("v1/a", "shop", 50_000), proven("v1/b", "shop")];
  noteRead({ kind: "v1/a", namespace: "shop", maxRequests: Infinity }, 400, memory, NOW.monotonicMs);
  assert.equal(nextRead(provables, memory, NOW)?.kind, "v1/b");
  const at = (monotonicMs: number) => nextRead(provables.slice(0, 1), memory, { ...NOW, monotonicMs });
  assert.equal(at(NOW.monotonicMs + 39_999), undefined);
  assert.equal(at(NOW.monotonicMs + 40_000)?.kind, "v1/a");
});

Deno.test("a list of the cluster that rests is waited for: its namespaces are not read one by one instead", () => {
  const memory = emptyMemory();
  const provables = [proven("v1/a", "shop"), proven("v1/a", "bank")];
  noteRead({ kind: "v1/a", maxRequests: 2 }, 1_000, memory, NOW.monotonicMs);
  assert.equal(nextRead(provables, memory, NOW), undefined);
});

Deno.test("a kind that does not answer does not keep the others from their turn", () => {
  const memory = emptyMemory();
  const provables = [proven("v1/a", "shop", 50_000), proven("v1/b", "shop")];
  noteFailure({ kind: "v1/a", namespace: "shop", maxRequests: Infinity }, 10_000, memory, NOW.monotonicMs);
  assert.equal(nextRead(provables, memory, NOW)?.kind, "v1/b");
  assert.equal(nextRead(provables.slice(0, 1), memory, { ...NOW, monotonicMs: NOW.monotonicMs + 99_999 }), undefined);
});

/** Reads as the controller does, each in `tookMs`, for five minutes: requests a second, and how old the oldest proof gets after the first two. */
function simulate(namespaces: number, pagesByKind: readonly number[], tookMs = 10) {
  const memory = emptyMemory();
  const provenWallMs = new Map<string, number>();
  let [requests, atMs] = [0, 0];
  const places = pagesByKind.flatMap((pages, kind) =>
    Array.from({ length: namespaces }, (_, index) => ({ kind: `v1/kind-${kind}`, namespace: `ns-${index}`, pages }))
  );
  const durationMs = 300_000;
  let oldestAgeMs = 0;
  while (atMs < durationMs) {
    const now = { wallMs: NOW.wallMs + atMs, monotonicMs: NOW.monotonicMs + atMs };
    const provables = places.map((place) => ({
      ...place,
      provenWallMs: provenWallMs.get(readId(place)) ?? NOW.wallMs - FRESH_MS - 1,
    }));
    if (atMs > 120_000) {
      for (const one of provables) oldestAgeMs = Math.max(oldestAgeMs, now.wallMs - one.provenWallMs);
    }
    const read: ProofRead | undefined = nextRead(provables, memory, now);
    if (read === undefined) {
      atMs += 1_000;
      continue;
    }
    const pages = places.find(({ kind }) => kind === read.kind)?.pages ?? 1;
    const isWide = read.namespace === undefined;
    if (isWide) noteWide(read.kind, pages, memory, now.monotonicMs);
    const asked = !isWide ? 1 : pages <= read.maxRequests ? pages : 1;
    requests += asked;
    atMs += asked * (PAUSE_MS + tookMs);
    if (isWide && pages > read.maxRequests) continue;
    noteRead(read, asked * tookMs, memory, NOW.monotonicMs + atMs);
    for (const place of places) {
      const isProven = place.kind === read.kind && (isWide || place.namespace === read.namespace);
      if (isProven) provenWallMs.set(readId(place), now.wallMs);
    }
  }
  return { perSecond: requests / (durationMs / 1_000), oldestAgeMs };
}

Deno.test("8 namespaces of 60 kinds cost two reads a second, and all is proven within a minute", () => {
  const { perSecond, oldestAgeMs } = simulate(8, Array.from({ length: 60 }, () => 1));
  assert.ok(perSecond <= 2.1, `${perSecond} reads a second`);
  assert.ok(oldestAgeMs <= 60_000, `${oldestAgeMs} ms`);
});

Deno.test("8 namespaces in a large cluster are proven within a minute, at no more than five reads a second", () => {
  const { perSecond, oldestAgeMs } = simulate(8, Array.from({ length: 60 }, (_, kind) => kind < 10 ? 40 : 1));
  assert.ok(perSecond <= 5, `${perSecond} reads a second`);
  assert.ok(oldestAgeMs <= 60_000, `${oldestAgeMs} ms`);
});

Deno.test("200 namespaces cost no more than five reads a second, and get their proof later", () => {
  const { perSecond, oldestAgeMs } = simulate(200, Array.from({ length: 60 }, (_, kind) => kind < 10 ? 20 : 1));
  assert.ok(perSecond <= 5, `${perSecond} reads a second`);
  assert.ok(oldestAgeMs <= 120_000, `${oldestAgeMs} ms`);
});
