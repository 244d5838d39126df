import assert from "node:assert/strict";
import { DeleteOrder } from "./delete_order.ts";

function orderOf(): { order: DeleteOrder; rung: string[] } {
  const rung: string[] = [];
  return { order: new DeleteOrder((key) => rung.push(key)), rung };
}

Deno.test("nothing that a pass finds goes before its end; then what was written last goes first", () => {
  const { order, rung } = orderOf();
  const end = order.begin();
  for (const [key, tier] of [["secret", 6], ["config", 6], ["app", 11], ["other app", 11]] as const) {
    order.enter(key, tier);
    assert.equal(order.mayGo(key), false, key);
  }
  end();
  assert.deepEqual(rung.splice(0), ["app", "other app"]);
  assert.deepEqual([order.mayGo("app"), order.mayGo("other app"), order.mayGo("secret")], [true, true, false]);
  order.leave("app");
  assert.deepEqual(rung, []);
  order.leave("other app");
  assert.deepEqual(rung.splice(0), ["secret", "config"]);
  assert.equal(order.mayGo("secret"), true);
});

Deno.test("a key that nobody has asked for yet is waited for, one that left is not", () => {
  const { order, rung } = orderOf();
  order.enter("config", 6);
  order.enter("app", 11);
  assert.equal(order.mayGo("config"), false);
  order.leave("app");
  assert.deepEqual([rung, order.mayGo("config")], [["config"], true]);
});

Deno.test("what was seen to be deleted as it happened waits for nobody", () => {
  const { order } = orderOf();
  order.begin();
  order.enter("app", 11);
  assert.equal(order.mayGo("config"), true);
});

Deno.test("passes do not wait for each other's deletes, but for each other's end", () => {
  const { order, rung } = orderOf();
  const first = order.begin();
  order.enter("config", 6);
  assert.equal(order.mayGo("config"), false);
  const second = order.begin();
  order.enter("app", 11);
  first();
  first();
  assert.deepEqual([rung, order.mayGo("config")], [[], false]);
  second();
  assert.deepEqual([rung, order.mayGo("config"), order.mayGo("app")], [["config"], true, true]);
});

Deno.test("nothing is kept of keys that have gone", () => {
  const { order, rung } = orderOf();
  order.enter("app", 11);
  order.enter("app", 6);
  order.leave("app");
  order.leave("app");
  order.enter("config", 6);
  assert.deepEqual([order.mayGo("app"), order.mayGo("config")], [true, true]);
  order.begin()();
  assert.deepEqual(rung, []);
});
