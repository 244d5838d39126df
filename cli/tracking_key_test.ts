import assert from "node:assert/strict";
import { Command } from "commander";
import { trackingKeyOption } from "./tracking_key.ts";

function parsed(...args: string[]): unknown {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => {} }).addOption(trackingKeyOption());
  return command.parse(args, { from: "user" }).opts().trackingKey;
}

Deno.test("--tracking-key is repeatable, and takes keys and prefixes", () => {
  assert.deepEqual(parsed(), []);
  const keys = ["app.kubernetes.io/instance", "tool.example.com/", "plain"];
  assert.deepEqual(parsed(...keys.flatMap((key) => ["--tracking-key", key])), keys);
});

Deno.test("--tracking-key refuses what no key can be", () => {
  for (const key of ["", "/", "/name", "a b", "Tool.example.com/x", "a/b/c", "a,b", "*"]) {
    assert.throws(() => parsed("--tracking-key", key), /Give a key as labels have it/, key);
  }
});
