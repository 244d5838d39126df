import assert from "node:assert/strict";
import { RELEASED_BY, ROLE } from "../crds/keys.ts";
import { type Lease, leaseOf } from "../kube/lease.ts";
import { waitFor } from "../tests/wait.ts";
import { systemClock } from "./clock.ts";
import { Fence, type FenceFacts, judgeFence, roleOf } from "./fence.ts";
import type { LeaseStore, NewFence } from "./fence_lease.ts";

const HOLDER = "cluster-a/dr-syncer-system";

interface LeaseShape {
  readonly holder?: string;
  readonly epoch?: number;
  readonly role?: string;
  readonly released?: true;
  readonly version?: number;
}

function lease(fields: LeaseShape = {}): Lease {
  const { holder = HOLDER, epoch = 1, version = 1 } = fields;
  const role = "role" in fields ? fields.role : "Standby";
  return leaseOf({
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: {
      name: "dr-syncer",
      namespace: "app",
      uid: "u",
      resourceVersion: `${version}`,
      annotations: {
        ...(role === undefined ? {} : { [ROLE]: role }),
        ...(fields.released === undefined ? {} : { [RELEASED_BY]: "0123456789ab" }),
      },
    },
    spec: { holderIdentity: holder, leaseTransitions: epoch },
  });
}

const table: { what: string; facts: Partial<FenceFacts>; expected: string }[] = [
  { what: "no Lease, no copies, never written", facts: {}, expected: "Take 1" },
  { what: "no Lease, but copies", facts: { copiesExist: true }, expected: "Fenced" },
  { what: "no Lease, but a known epoch and copies", facts: { knownEpoch: 1, copiesExist: true }, expected: "Fenced" },
  { what: "no Lease, a known epoch, and a namespace without copies", facts: { knownEpoch: 1 }, expected: "Take 2" },
  { what: "our Lease at first sight", facts: { lease: lease({ epoch: 4 }) }, expected: "Open 4" },
  { what: "our Lease in the known epoch", facts: { lease: lease(), knownEpoch: 1 }, expected: "Open 1" },
  { what: "a newer epoch", facts: { lease: lease({ epoch: 2 }), knownEpoch: 1 }, expected: "Fenced Standby" },
  { what: "an older epoch", facts: { lease: lease(), knownEpoch: 2 }, expected: "Fenced Standby" },
  { what: "another holder", facts: { lease: lease({ holder: "cluster-b/x" }) }, expected: "Fenced Standby" },
  {
    what: "another holder, Active",
    facts: { lease: lease({ holder: "b", role: "Active" }) },
    expected: "Fenced Active",
  },
  { what: "nobody", facts: { lease: lease({ holder: "" }), copiesExist: true }, expected: "Fenced Standby" },
  {
    what: "nobody, given up in order",
    facts: { lease: lease({ holder: "", epoch: 3, released: true }), copiesExist: true },
    expected: "Take 4",
  },
  {
    what: "nobody, given up in order, for who wrote here once",
    facts: { lease: lease({ holder: "", epoch: 3, released: true }), knownEpoch: 3 },
    expected: "Fenced Standby",
  },
  {
    what: "nobody, given up in order, and activated since",
    facts: { lease: lease({ holder: "", released: true, role: "Active" }) },
    expected: "Fenced Active",
  },
  {
    what: "another holder since it was given up",
    facts: { lease: lease({ holder: "b", released: true }) },
    expected: "Fenced Standby",
  },
  { what: "an activated namespace", facts: { lease: lease({ role: "Active" }) }, expected: "NotStandby Active" },
  { what: "a test", facts: { lease: lease({ role: "Testing" }) }, expected: "NotStandby Testing" },
  { what: "a failback", facts: { lease: lease({ role: "FailingBack" }) }, expected: "NotStandby FailingBack" },
  { what: "a role we do not know", facts: { lease: lease({ role: "standby" }) }, expected: "NotStandby Active" },
  { what: "no role", facts: { lease: lease({ role: undefined }) }, expected: "NotStandby Active" },
];

for (const { what, facts, expected } of table) {
  Deno.test(`the fence with ${what}: ${expected}`, () => {
    const verdict = judgeFence({ holder: HOLDER, copiesExist: false, ...facts });
    const parts = [
      verdict.type,
      "epoch" in verdict && verdict.type !== "NotStandby" ? verdict.epoch : undefined,
      verdict.type !== "Open" && "role" in verdict ? verdict.role : undefined,
    ];
    assert.equal(parts.filter((part) => part !== undefined).join(" "), expected);
  });
}

/** A Lease in memory, as a server would keep it. */
class KeptLease implements LeaseStore {
  reads = 0;
  lease: Lease | undefined;
  created: NewFence[] = [];
  /** Somebody else's Lease that appears just before ours is created. */
  rival: Lease | undefined;

  constructor(kept?: Lease) {
    this.lease = kept;
  }

  read(): Promise<Lease | undefined> {
    this.reads++;
    return Promise.resolve(this.lease);
  }

  create(fence: NewFence): Promise<Lease> {
    this.created.push(fence);
    const { holderIdentity: holder, leaseTransitions: epoch } = fence;
    this.lease = this.rival ?? lease({ holder, epoch, role: fence.annotations[ROLE] });
    return Promise.resolve(this.lease);
  }

  renew(known: Lease): Promise<Lease | undefined> {
    return Promise.resolve(this.lease === known ? known : undefined);
  }

  take(known: Lease, fence: NewFence): Promise<Lease | undefined> {
    if (this.rival !== undefined) this.lease = this.rival;
    return this.lease === known ? this.create(fence) : Promise.resolve(undefined);
  }
}

const never = () => Promise.reject(new Error("copies must not be looked for"));
const copies = (exist: boolean) => () => Promise.resolve(exist);

Deno.test("a namespace is taken when nothing of ours is there, as a Standby with the annotations", async () => {
  const store = new KeptLease();
  const fence = new Fence(store, HOLDER, undefined, systemClock);
  assert.equal(fence.open, false);
  assert.deepEqual(await fence.acquire(copies(false), { note: "x" }), { type: "Open", epoch: 1, role: "Standby" });
  assert.deepEqual(store.created, [{
    holderIdentity: HOLDER,
    leaseTransitions: 1,
    annotations: { note: "x", [ROLE]: "Standby" },
  }]);
  assert.deepEqual([fence.open, fence.epoch], [true, 1]);
});

Deno.test("a namespace is not taken while copies exist", async () => {
  for (const [known, exist] of [[undefined, copies(true)], [1, copies(true)]] as const) {
    const store = new KeptLease();
    const fence = new Fence(store, HOLDER, known, systemClock);
    assert.equal((await fence.acquire(exist, {})).type, "Fenced");
    assert.deepEqual([store.created, fence.open], [[], false]);
  }
});

Deno.test("a namespace that was made anew is taken in a new epoch", async () => {
  const fence = new Fence(new KeptLease(), HOLDER, 4, systemClock);
  assert.equal((await fence.acquire(copies(false), {})).type, "Open");
  assert.equal(fence.epoch, 5);
});

Deno.test("who takes a namespace second has not taken it", async () => {
  const store = new KeptLease();
  store.rival = lease({ holder: "cluster-b/x" });
  const fence = new Fence(store, HOLDER, undefined, systemClock);
  assert.equal((await fence.acquire(copies(false), {})).type, "Fenced");
  assert.deepEqual([fence.open, fence.epoch], [false, undefined]);
});

Deno.test("what was given up is taken in a new epoch, by the first who comes", async () => {
  const released = () => new KeptLease(lease({ holder: "", epoch: 3, released: true }));
  const fence = new Fence(released(), HOLDER, undefined, systemClock);
  assert.deepEqual(await fence.acquire(never, {}), { type: "Open", epoch: 4, role: "Standby" });
  const store = released();
  store.rival = lease({ holder: "cluster-b/x", epoch: 4 });
  const late = new Fence(store, HOLDER, undefined, systemClock);
  assert.equal((await late.acquire(never, {})).type, "Fenced");
  assert.deepEqual([late.open, late.epoch, late.lease?.holderIdentity], [false, undefined, "cluster-b/x"]);
});

Deno.test("our own Lease is found again after a crash, copies or not", async () => {
  const fence = new Fence(new KeptLease(lease({ epoch: 3 })), HOLDER, undefined, systemClock);
  assert.equal((await fence.acquire(never, {})).type, "Open");
  assert.equal(fence.epoch, 3);
});

Deno.test("what a watch or a look shows closes the fence, and opens it again in the same epoch alone", async () => {
  const store = new KeptLease(lease());
  const fence = new Fence(store, HOLDER, undefined, systemClock);
  await fence.acquire(never, {});
  fence.observe(lease({ role: "Active" }));
  assert.deepEqual(fence.verdict, { type: "NotStandby", epoch: 1, role: "Active" });
  fence.observe(lease());
  assert.equal(fence.open, true);
  fence.observe(undefined);
  assert.equal(fence.open, false);
  store.lease = lease({ epoch: 2 });
  assert.equal((await fence.recheck()).type, "Fenced");
  store.lease = lease();
  assert.equal((await fence.recheck()).type, "Open");
});

/** Reads that answer when the test says so, with what it says. */
class SlowLease extends KeptLease {
  readonly answers: ((lease: Lease) => void)[] = [];

  override read(): Promise<Lease | undefined> {
    this.reads++;
    return new Promise((resolve) => this.answers.push(resolve));
  }
}

Deno.test("a read that began before a watch told of an activation does not open the fence again", async () => {
  const store = new SlowLease();
  const fence = new Fence(store, HOLDER, 1, systemClock);
  const looking = fence.recheck();
  fence.observe(lease({ role: "Active", version: 9 }));
  store.answers[0]?.(lease({ version: 8 }));
  await waitFor("one more read", () => store.reads === 2, { deadlineMs: 5_000, pollMs: 1 });
  assert.equal(fence.verdict.type, "NotStandby");
  store.answers[1]?.(lease({ role: "Active", version: 9 }));
  assert.equal((await looking).type, "NotStandby");
});

Deno.test("of two reads the one that began later counts, whichever answers first", async () => {
  const store = new SlowLease();
  const fence = new Fence(store, HOLDER, 1, systemClock);
  const [earlier, later] = [fence.recheck(), fence.recheck()];
  store.answers[1]?.(lease({ role: "Active", version: 9 }));
  assert.equal((await later).type, "NotStandby");
  store.answers[0]?.(lease({ version: 8 }));
  assert.equal((await earlier).type, "NotStandby");
  assert.equal(fence.lease?.resourceVersion, "9");
});

Deno.test("a watch that is behind a live read does not open the fence again; one that went back is read", async () => {
  const store = new KeptLease(lease({ role: "Active", version: 9 }));
  const fence = new Fence(store, HOLDER, 1, systemClock);
  await fence.recheck();
  fence.observe(lease({ version: 8 }));
  assert.equal(fence.verdict.type, "NotStandby");
  store.lease = lease({ version: 5 });
  assert.equal((await fence.recheck()).type, "Open");
});

Deno.test("proof of life is written over the Lease that was judged alone", async () => {
  const store = new KeptLease(lease());
  const fence = new Fence(store, HOLDER, undefined, systemClock);
  await fence.acquire(never, {});
  await fence.renew(new Date(0), {});
  assert.equal(fence.open, true);
  store.lease = lease({ role: "Active" });
  await fence.renew(new Date(0), {});
  assert.equal(fence.verdict.type, "NotStandby");
});

Deno.test("a proof is a read that all who ask share, and serves for a few seconds", async () => {
  const store = new KeptLease(lease());
  let nowMs = 0;
  const fence = new Fence(store, HOLDER, undefined, { monotonicMs: () => nowMs });
  await fence.acquire(never, {});
  const readsBefore = store.reads;
  // To take the namespace was a read.
  await fence.prove();
  assert.equal(store.reads, readsBefore);
  nowMs += 3_100;
  await Promise.all(Array.from({ length: 100 }, () => fence.prove()));
  assert.equal(store.reads - readsBefore, 1);
  nowMs += 2_900;
  await fence.prove();
  assert.equal(store.reads - readsBefore, 1);
  // What a watch tells is no proof.
  fence.observe(store.lease);
  store.lease = lease({ role: "Active" });
  nowMs += 200;
  await fence.prove();
  assert.deepEqual([store.reads - readsBefore, fence.open], [2, false]);
});

Deno.test("a role that nobody knows counts as the one that forbids most", () => {
  assert.equal(roleOf(lease({ role: "Whatever" })), "Active");
  assert.equal(roleOf(lease({ role: "Testing" })), "Testing");
});
