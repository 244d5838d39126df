import assert from "node:assert/strict";
import { parseCommand } from "./protocol.ts";

const pass = {
  passId: "1",
  volume: "shop/data",
  epoch: 1,
  source: { host: "10.0.0.1", port: 2222, hostKeyAlias: "a" },
  policy: { count: 10, percent: 5 },
};

Deno.test("a command gets its defaults", () => {
  const parsed = parseCommand(JSON.stringify({ type: "start", pass }));
  assert.ok("command" in parsed && parsed.command.type === "start");
  assert.deepEqual(parsed.command.pass.approvals, []);
  assert.equal(parsed.command.pass.source.user, "root");
});

const wrong: [string, string, RegExp][] = [
  ["no JSON", "start", /no JSON/],
  ["an unknown type", '{"type":"delete"}', /type/],
  ["a field that there is not", JSON.stringify({ type: "start", pass: { ...pass, force: true } }), /force/],
  ["a missing field", JSON.stringify({ type: "start", pass: { ...pass, policy: undefined } }), /pass\.policy/],
  [
    "a percentage beyond all",
    JSON.stringify({ type: "start", pass: { ...pass, policy: { count: 0, percent: 101 } } }),
    /percent/,
  ],
];
for (const [name, line, expected] of wrong) {
  Deno.test(`a command is refused: ${name}`, () => {
    const parsed = parseCommand(line);
    assert.match("problem" in parsed ? parsed.problem : "", expected);
  });
}
