import assert from "node:assert/strict";
import { createKubeClient } from "../../kube/client.ts";
import type { KubeErrorReason } from "../../kube/errors.ts";
import { createTransport } from "../../kube/transport.ts";
import type { KubeClient } from "../../kube/types.ts";
import { startCluster } from "../rig/cluster.ts";
import { addressOf, failureOf, typeOf } from "./connections.ts";
import {
  configMap,
  configMaps,
  deployment,
  deployments,
  job,
  jobs,
  priorityClass,
  priorityClasses,
  secret,
  secrets,
  widgets,
} from "./objects.ts";

Deno.test("what a real API server refuses", async (t) => {
  await using cluster = await startCluster({ name: "refusals" });
  const client = createKubeClient(createTransport(addressOf(cluster)));
  for (const { situation, call, reason, httpStatus, words } of refusals(client)) {
    await t.step(`${situation} is ${reason}`, async () => {
      const error = await failureOf(call(), reason);
      assert.equal(error.httpStatus, httpStatus, error.message);
      assert.match(error.message, words);
      const told = JSON.stringify({ message: error.message, status: error.status });
      assert.ok(!told.includes("hush"), `tells a value of the request: ${told}`);
    });
  }
  client.close();
});

interface Refusal {
  readonly situation: string;
  readonly call: () => Promise<unknown>;
  readonly reason: KubeErrorReason;
  readonly httpStatus: number;
  readonly words: RegExp;
}

/** What real API servers refuse, and what becomes of it. */
function refusals(client: KubeClient): Refusal[] {
  const inDefault = (name: string) => ({ namespace: "default", name });
  const twice = async () => {
    await client.create(configMaps, configMap("twice", {}));
    await client.create(configMaps, configMap("twice", {}));
  };
  const inNowhere = { ...configMap("x", {}), metadata: { name: "x", namespace: "nowhere" } };
  const apply = { fieldManager: "test", fieldValidation: "Strict" } as const;
  const template = { spec: { template: { metadata: { labels: { l: "hush" } } } } };
  const immutable = async () => {
    await client.create(jobs, job("fixed"));
    await client.patch(jobs, inDefault("fixed"), { type: "merge", body: template });
  };
  return [
    {
      situation: "a missing object",
      call: () => client.get(configMaps, inDefault("missing")),
      reason: "NotFound",
      httpStatus: 404,
      words: /^Cannot get configmaps default\/missing: configmaps "missing" not found$/,
    },
    {
      situation: "a missing namespace",
      call: () => client.create(configMaps, inNowhere),
      reason: "NotFound",
      httpStatus: 404,
      words: /namespaces "nowhere" not found/,
    },
    {
      situation: "a missing group",
      call: () => client.list(widgets),
      reason: "KindMissing",
      httpStatus: 404,
      words: /^Cannot list widgets.none.example: 404 page not found$/,
    },
    {
      situation: "a missing kind of a known group",
      call: () => client.get(typeOf("Widget", "widgets"), inDefault("x")),
      reason: "KindMissing",
      httpStatus: 404,
      words: /could not find the requested resource/,
    },
    {
      situation: "a second create",
      call: twice,
      reason: "AlreadyExists",
      httpStatus: 409,
      words: /^Cannot create configmaps default\/twice: configmaps "twice" already exists$/,
    },
    {
      situation: "a value that cannot be",
      call: () => client.create(deployments, deployment("negative", { replicas: -1 })),
      reason: "Invalid",
      httpStatus: 422,
      words: /spec.replicas: Invalid value: -1: must be greater than or equal to 0/,
    },
    { situation: "a change of what is fixed", call: immutable, reason: "Invalid", httpStatus: 422, words: /immutable/ },
    {
      situation: "a Secret that is not base64",
      call: () => client.create(secrets, secret("odd", { a: "hush!" })),
      reason: "BadRequest",
      httpStatus: 400,
      words: /illegal base64/,
    },
    {
      situation: "a Secret applied with a field of the wrong type",
      call: () => client.apply(secrets, secret("odd", { a: { b: "hush" } }), apply),
      reason: "Invalid",
      httpStatus: 500,
      words: /\.data\.a: expected string/,
    },
    {
      situation: "a Secret applied with text for a map",
      call: () => client.apply(secrets, secret("odd", "hush"), apply),
      reason: "Invalid",
      httpStatus: 500,
      words: /\.data: expected map/,
    },
    {
      situation: "a field nobody knows",
      call: () => client.apply(configMaps, { ...configMap("odd", {}), dato: { a: "hush" } }, apply),
      reason: "Invalid",
      httpStatus: 500,
      words: /\.dato: field not declared in schema/,
    },
    {
      situation: "more than the API server takes",
      call: () => client.create(configMaps, configMap("huge", { a: "x".repeat(4_000_000) })),
      reason: "TooLarge",
      httpStatus: 413,
      words: /limit is 3145728/,
    },
    {
      situation: "more than etcd takes",
      call: () => client.create(priorityClasses, priorityClass("x".repeat(1_900_000))),
      reason: "TooLarge",
      httpStatus: 500,
      words: /request is too large/,
    },
  ];
}
