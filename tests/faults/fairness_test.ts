/**
 * One Replication has very much to do at a DR cluster, slowly: changes of another one do not wait for it, nor do changes of its own
 * wait for what a first sync found.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { KubeClient } from "../../kube/types.ts";
import { untilEqual } from "../e2e/compare.ts";
import { CONFIG_MAPS, configMap, connect } from "../e2e/webhook_scene.ts";
import { waitFor } from "../wait.ts";
import type { ApiCall, Fault } from "./api_proxy.ts";
import { type ApiScene, startApiScene } from "./api_scene.ts";

const CROWD = "crowd";
const QUIET = "quiet";
/** Objects of the crowd. */
const MANY = 3_000;
/** As many are more than may be written at once: no call is held as long as it may last. */
const FEW = 200;
/** Writes of the crowd that may begin between a change of somebody else and the write of that change: a tenth. */
const MOST_BEFORE = MANY / 10;
/** Writes of the crowd take this long while they are counted: all of them together many times as long as the probes. */
const WRITE_MS = 150;
const PROBES = 20;
const DEADLINE_MS = 60_000;

interface Crowded extends ApiScene {
  readonly source: KubeClient;
  readonly dr: KubeClient;
}

Deno.test("much to do for one Replication", async (t) => {
  await using through = await startApiScene("dr");
  const { scene } = through;
  const [source, dr] = [connect(scene.source.kubeconfig), connect(scene.dr.kubeconfig)];
  const crowded: Crowded = { ...through, source, dr };
  try {
    for (const namespace of [QUIET, CROWD]) {
      await scene.replicate(namespace);
      await scene.condition(namespace, "Synced", "True");
    }
    await t.step("its changes do not hold up those of another", () => changesOfOthers(crowded));
    await t.step("what a first sync found does not hold up its changes", () => changesOfItsOwn(crowded));
  } finally {
    source.close();
    dr.close();
  }
});

/** First while not one write of the crowd ends, then in the order of all writes. */
async function changesOfOthers(crowded: Crowded): Promise<void> {
  const { scene } = crowded;
  const crowd = hold(crowded);
  await createMany(crowded, 0, FEW);
  await crowd.busy();
  for (let turn = 0; turn < PROBES; turn++) await probe(crowded, QUIET);
  crowd.goOn();
  await createMany(crowded, FEW, MANY);
  for (let turn = 0; turn < PROBES; turn++) {
    const before = crowd.order.length;
    const name = await probe(crowded, QUIET);
    const begun = crowd.order.indexOf(name) - before;
    assert.ok(begun < MOST_BEFORE, `${begun} of ${MANY} writes of the crowd began before that of ${name}`);
  }
  assert.ok(crowd.order.length < MANY, "the crowd was not through");
  crowd.end();
  await untilEqual(scene.source, scene.dr, CROWD, DEADLINE_MS);
}

/** The same objects, found by the first sync of another Replication. */
async function changesOfItsOwn(crowded: Crowded): Promise<void> {
  const { scene } = crowded;
  const crowd = hold(crowded);
  await scene.replicate(CROWD, { destinationNamespace: `${CROWD}-again` }, "again");
  await crowd.busy();
  for (let turn = 0; turn < PROBES; turn++) await probe(crowded, CROWD, `${CROWD}-again`);
  crowd.end();
  await scene.condition("again", "Synced", "True", undefined, 2 * DEADLINE_MS);
}

/** The writes of the crowd at the DR cluster. */
interface Crowd {
  /** Names of what was created, in the order in which the writes began; only the crowd's while these are held. */
  readonly order: readonly string[];
  /** Resolves when as many are under way as may be. */
  busy(): Promise<void>;
  /** They end from now on, each after a while. */
  goOn(): void;
  /** They are as quick as others. */
  end(): void;
}

/** Holds every write of the crowd. */
function hold({ proxy }: Crowded): Crowd {
  const order: string[] = [];
  const { promise: until, resolve: goOn } = Promise.withResolvers<void>();
  let fault: Fault = { do: "hold", until };
  let held = 0;
  const release = proxy.inject(({ creates }: ApiCall) => {
    if (creates === undefined) return undefined;
    order.push(creates);
    if (!creates.startsWith("many-")) return undefined;
    held++;
    return fault;
  });
  return {
    order,
    busy: async () => void await waitFor("held writes", () => held >= 16, { deadlineMs: DEADLINE_MS }),
    goOn() {
      fault = { do: "delay", delayMs: WRITE_MS };
      goOn();
    },
    end() {
      release();
      goOn();
    },
  };
}

async function createMany({ source }: Crowded, from: number, to: number): Promise<void> {
  // The client has a deadline for each call, and a place for few.
  for (let at = from; at < to; at += 100) {
    const names = Array.from({ length: Math.min(100, to - at) }, (_, index) => `many-${at + index}`);
    await Promise.all(names.map((name) => source.create(CONFIG_MAPS, configMap(CROWD, name))));
  }
}

/** Makes an object in a source namespace and waits until it is in DR; answers its name. */
async function probe({ source, dr }: Crowded, namespace: string, into = namespace): Promise<string> {
  const name = `probe-${crypto.randomUUID().slice(0, 8)}`;
  await source.create(CONFIG_MAPS, configMap(namespace, name));
  const arrived = () => dr.get(CONFIG_MAPS, { namespace: into, name });
  await waitFor(`${into}/${name} in DR`, arrived, { deadlineMs: DEADLINE_MS, pollMs: 10 });
  return name;
}
