import assert from "node:assert/strict";
import { ManualEcho } from "./manual_echo.ts";

Deno.test("a value is echoed once a pass of each claim is over", () => {
  const echo = new ManualEcho("old");
  assert.equal(echo.ask("new"), true);
  assert.equal(echo.isWaiting, true);
  echo.begin(["a", "b"]);
  assert.equal(echo.isWaiting, false);
  const [a, b] = [echo.look("a"), echo.look("b")];
  a();
  assert.equal(echo.done, "old");
  b();
  assert.equal(echo.done, "new");
});

Deno.test("a pass that had begun before counts for nothing, the next one of its claim does", () => {
  const echo = new ManualEcho(undefined);
  const early = echo.look("a");
  echo.ask("one");
  const beforeRound = echo.look("a");
  echo.begin(["a"]);
  early();
  beforeRound();
  assert.equal(echo.done, undefined);
  echo.look("a")();
  assert.equal(echo.done, "one");
});

Deno.test("a newer value takes the place of one that is not done", () => {
  const echo = new ManualEcho(undefined);
  echo.ask("one");
  echo.begin(["a"]);
  const pass = echo.look("a");
  assert.equal(echo.ask("two"), true);
  pass();
  assert.equal(echo.done, undefined);
  echo.begin(["a"]);
  pass();
  assert.equal(echo.done, undefined);
  echo.look("a")();
  assert.equal(echo.done, "two");
});

Deno.test("a value that is done, or asked for, is asked for once", () => {
  const echo = new ManualEcho("one");
  assert.equal(echo.ask("one"), false);
  assert.equal(echo.ask("two"), true);
  assert.equal(echo.ask("two"), false);
  // Back to the one before: what it asked for is to be done again.
  assert.equal(echo.ask("one"), true);
});

Deno.test("without claims there is nothing to wait for", () => {
  const echo = new ManualEcho(undefined);
  echo.begin([]);
  assert.equal(echo.done, undefined);
  echo.ask("one");
  echo.begin([]);
  assert.equal(echo.done, "one");
});

Deno.test("a claim that is gone is not waited for", () => {
  const echo = new ManualEcho(undefined);
  echo.ask("one");
  echo.keep(new Set(["a"]));
  assert.equal(echo.done, undefined);
  echo.begin(["a", "b"]);
  echo.look("a")();
  echo.keep(new Set(["a"]));
  assert.equal(echo.done, "one");
});

Deno.test("a round begins a value once: a later one opens nothing anew", () => {
  const echo = new ManualEcho(undefined);
  echo.ask("one");
  echo.begin(["a", "b"]);
  echo.look("a")();
  echo.begin(["a", "b"]);
  echo.look("b")();
  assert.equal(echo.done, "one");
});
