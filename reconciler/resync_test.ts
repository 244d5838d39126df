import assert from "node:assert/strict";
import fc from "fast-check";
import { mergeByName } from "./resync.ts";

type Listed = NonNullable<Parameters<typeof mergeByName>[0] extends AsyncGenerator<infer T> ? T : never>;

class Sequence {
  ended = false;

  async *of(names: Iterable<string>, failAfter = Infinity): AsyncGenerator<Listed> {
    try {
      let count = 0;
      for (const name of names) {
        if (count++ >= failAfter) throw new Error("the list failed");
        await Promise.resolve();
        yield { object: { apiVersion: "v1", kind: "ConfigMap", metadata: { name } }, sizeBytes: 1 };
      }
    } finally {
      this.ended = true;
    }
  }
}

async function pairs(left: Iterable<string>, right: Iterable<string>): Promise<string[]> {
  const found: string[] = [];
  for await (const [a, b] of mergeByName(new Sequence().of(left), new Sequence().of(right))) {
    found.push(`${a?.object.metadata.name ?? "-"} ${b?.object.metadata.name ?? "-"}`);
  }
  return found;
}

const names = fc.uniqueArray(fc.stringMatching(/^[a-c.:]{1,3}$/));

Deno.test("two ordered lists are joined as sets are", async () => {
  await fc.assert(fc.asyncProperty(names, names, async (left, right) => {
    const all = [...new Set([...left, ...right])].sort();
    const expected = all.map((name) => `${left.includes(name) ? name : "-"} ${right.includes(name) ? name : "-"}`);
    assert.deepEqual(await pairs(left.toSorted(), right.toSorted()), expected);
  }));
});

Deno.test("lists in another order lose no object", async () => {
  await fc.assert(fc.asyncProperty(names, names, async (left, right) => {
    const found = (await pairs(left, right)).map((pair) => pair.split(" "));
    assert.deepEqual(found.map(([a]) => a).filter((name) => name !== "-").sort(), left.toSorted());
    assert.deepEqual(found.map(([, b]) => b).filter((name) => name !== "-").sort(), right.toSorted());
  }));
});

Deno.test("both lists are ended when one fails, or when nobody reads on", async () => {
  const [left, right] = [new Sequence(), new Sequence()];
  await assert.rejects(async () => {
    for await (const _ of mergeByName(left.of("abc"), right.of("abc", 1)));
  }, /the list failed/);
  assert.deepEqual([left.ended, right.ended], [true, true]);
  const [first, second] = [new Sequence(), new Sequence()];
  for await (const _ of mergeByName(first.of("abc"), second.of("abc"))) break;
  assert.deepEqual([first.ended, second.ended], [true, true]);
});
