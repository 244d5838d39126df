import assert from "node:assert/strict";
import { DESIRED_HASH, ORIGIN } from "../crds/keys.ts";
import type { KubeObject } from "../kube/types.ts";
import type { Wanted } from "./desired/desired.ts";
import { formatOrigin } from "./desired/ownership.ts";
import type { MirrorOptions } from "./mirror_context.ts";
import { whyNotReplaced } from "./replace.ts";

function object(sourceUid: string, hash: string, apiVersion = "apps/v1"): KubeObject {
  const origin = formatOrigin({ cluster: "c", namespace: "app", name: "web", uid: sourceUid });
  const annotations = { [ORIGIN]: origin, [DESIRED_HASH]: hash };
  return { apiVersion, kind: "X", metadata: { name: "web", uid: "u", resourceVersion: "1", annotations } };
}

const budget = { count: 3, percent: 10, windowMs: 1 };

/** [what, key, copy, policy, deletion policy, why not] */
const CASES: readonly (readonly [string, string, KubeObject, string, string, RegExp | undefined])[] = [
  ["the same source", "deployments.apps/web", object("s", "old"), "Report", "Mirror", /Policy is Report$/],
  ["the same source", "deployments.apps/web", object("s", "old"), "Recreate", "Mirror", undefined],
  ["the same source", "deployments.apps/web", object("s", "old"), "Recreate", "Retain", undefined],
  ["a new source", "deployments.apps/web", object("t", "old"), "Report", "Mirror", undefined],
  ["a new source", "deployments.apps/web", object("t", "old"), "Report", "Retain", /Retain/],
  ["a new source", "widgets.x/web", object("t", "old", "x/v1"), "Report", "Mirror", /custom resource/],
  ["a new source", "widgets.x/web", object("t", "old", "x/v1"), "Recreate", "Mirror", undefined],
  ["what it is to be already", "deployments.apps/web", object("s", "new"), "Recreate", "Mirror", /very object/],
  ["a claim", "persistentvolumeclaims/web", object("t", "old"), "Recreate", "Mirror", /never deleted/],
  [
    "a definition",
    "customresourcedefinitions.apiextensions.k8s.io/web",
    object("t", "old"),
    "Recreate",
    "Mirror",
    /never/,
  ],
];

for (const [what, key, live, immutableFieldPolicy, policy, why] of CASES) {
  Deno.test(`a copy of ${what} (${key}) under ${immutableFieldPolicy} and ${policy}`, () => {
    const want: Wanted = {
      kind: "object",
      object: object("s", "new", live.apiVersion),
      hash: "new",
      reports: [],
      used: new Set(),
    };
    const options = { immutableFieldPolicy, deletion: { policy, graceMs: 0, budget } } as MirrorOptions;
    const answer = whyNotReplaced(key, live, want, options);
    if (why === undefined) assert.equal(answer, undefined);
    else assert.match(answer ?? "", why);
  });
}
