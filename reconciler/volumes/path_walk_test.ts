import assert from "node:assert/strict";
import type { VolumePath } from "./path_plan.ts";
import { beginWalk, currentRoute, nextStep, routesOf, type Walk } from "./path_walk.ts";

const [node, pod] = [{ host: "10.0.0.1", port: 30_000 }, { host: "10.1.0.1", port: 2222 }];
const auto = routesOf(["Direct", "Tunnel"], [node, pod]);

/** An attempt: how long it takes, and whether data comes. */
type Attempt = readonly [tookMs: number, moved?: boolean];

/** Where each attempt goes: an address, or `Tunnel`; those beyond the list take long and fail. */
function walkOver(
  routes: ReturnType<typeof routesOf>,
  attempts: readonly Attempt[],
  deadPaths: readonly VolumePath[] = [],
): string[] {
  const tried: string[] = [];
  let nowMs = 0;
  let walk: Walk | undefined = beginWalk(routes, deadPaths, nowMs);
  for (let index = 0; walk !== undefined; index++) {
    const route = currentRoute(walk);
    tried.push(route?.path === "Direct" ? route.address.host : `${route?.path}`);
    const [tookMs, moved = false] = attempts[index] ?? [10_000];
    nowMs += tookMs;
    walk = nextStep(walk, moved, nowMs);
  }
  return tried;
}

const times = (name: string, count: number) => Array.from({ length: count }, () => name);
const broken: Attempt = [5_000, true];

Deno.test("addresses are tried before the tunnel, and all of them twice", () => {
  const round = [node.host, pod.host, "Tunnel"];
  assert.deepEqual(walkOver(auto, []), [...round, ...round]);
});

Deno.test("an address that refuses is asked again for a while, in the first round only", () => {
  const tried = walkOver(auto, Array.from({ length: 20 }, () => [2_000]));
  assert.deepEqual(tried, [...times(node.host, 3), ...times(pod.host, 3), "Tunnel", node.host, pod.host, "Tunnel"]);
});

Deno.test("a path that breaks is tried again at once, and left when nothing comes any more", () => {
  assert.deepEqual(walkOver(auto, [[60_000, true]]).slice(0, 4), [node.host, node.host, pod.host, "Tunnel"]);
});

Deno.test("a path that breaks twice gives way to the next", () => {
  assert.deepEqual(walkOver(auto, [broken, broken, [10_000], broken]).slice(0, 5), [
    node.host,
    node.host,
    pod.host,
    "Tunnel",
    "Tunnel",
  ]);
});

Deno.test("a tunnel that is cut again and again is made anew each time, but not for ever", () => {
  const routes = routesOf(["Tunnel", "Direct"], [node]);
  const tried = walkOver(routes, Array.from({ length: 100 }, () => broken), ["Direct"]);
  assert.deepEqual(tried, times("Tunnel", 50));
});

Deno.test("what is known to be dead comes when nothing else works", () => {
  const routes = routesOf(["Tunnel", "Direct"], [node]);
  assert.deepEqual(walkOver(routes, [], ["Direct"]), ["Tunnel", node.host, "Tunnel"]);
});

Deno.test("what got through ends the count of failures", () => {
  assert.deepEqual(walkOver(routesOf(["Tunnel"], []), [[1], broken, [1], [1]]), times("Tunnel", 4));
});

Deno.test("a tunnel needs no address", () => {
  assert.deepEqual(routesOf(["Tunnel"], []), [{ path: "Tunnel" }]);
  assert.deepEqual(routesOf(["Direct"], []), []);
});
