import assert from "node:assert/strict";
import { ChangeList, isPlainList, MAX_CHANGES } from "./changes.ts";
import type { WalkEntry } from "./tree_walk.ts";

const bytes = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

function entry(path: string, type: string, isChanged: boolean): WalkEntry {
  const depth = path === "" ? 0 : path.split("/").length;
  const facts = { sizeBytes: 0, allocatedBytes: 0, names: 1, changedSeconds: isChanged ? 100 : 99.5 };
  return { depth, type, path: bytes(path), ...facts };
}

/** What a list names of entries: a path, its type, and a star when it has changed. */
function listOf(...entries: string[]): string[] | undefined {
  const list = new ChangeList(100);
  for (const text of entries) {
    const [, path = "", type = "", star] = text.match(/^(.*) ([a-z])(\*?)$/s) ?? [];
    list.add(entry(path, type, star === "*"));
  }
  const names = list.finish();
  return names && new TextDecoder("latin1").decode(names).split("\0").slice(0, -1);
}

const cases: [string, string[], string[]][] = [
  ["nothing", [" d", "a d", "a/f f"], []],
  ["a file", [" d", "a d", "a/f f*", "g f"], ["a/f"]],
  ["a link, a socket, and no device", [" d", "a d", "a/l l*", "a/s s*", "a/b b*", "a/c c*"], ["a/l", "a/s"]],
  ["files in the root, whose time they change", [" d", "f f*", "g f*", "a d*", "a/b d"], ["./", "a/"]],
  ["a folder in which something went", [" d", "a d*", "a/f f", "a/b d", "a/b/g f"], ["a/"]],
  ["the root", [" d*", "a d", "a/f f", "f f*"], ["./"]],
  ["a file in a folder that is listed", [" d", "a d*", "a/f f*"], ["a/"]],
  ["a folder that is new", [" d*", "a d*", "a/b d*", "a/b/f f*"], ["./", "a/", "a/b/"]],
  ["a folder that was moved with all it holds", [" d", "a d*", "a/b d*", "a/b/c d", "a/b/c/d d", "a/e d"], [
    "a/",
    "a/b/",
    "a/b/c/",
    "a/b/c/d/",
  ]],
  ["a neighbour whose name begins alike", [" d", "a d*", "ab d", "ab/c d*", "ab/c/d d"], ["a/", "ab/c/"]],
  ["names that are no text", [" d", "\xff\n d*", "\xff\n/\xfe f", "a d", "a/\xfd f*"], ["\xff\n/", "a/\xfd"]],
];

for (const [what, entries, expected] of cases) {
  Deno.test(`what has changed is listed: ${what}`, () => assert.deepEqual(listOf(...entries), expected));
}

Deno.test("a list that is too long is none", () => {
  const files = Array.from({ length: MAX_CHANGES }, (_, index) => `a/f${index} f*`);
  assert.equal(listOf(" d", "a d", ...files)?.length, MAX_CHANGES);
  assert.equal(listOf(" d", "a d", ...files, "a/more f*"), undefined);
  const long = files.slice(0, 6_000).map((file) => file.replace("f", "x".repeat(200)));
  assert.equal(listOf(" d", "a d", ...long), undefined);
});

Deno.test("a list from elsewhere is taken only when it names what a walk would", () => {
  for (const name of ["a", "a/", "./", "a b/c", "..a", "a..", ".dr-syncer2", "a/.dr-syncer/b", "-n", "\n", "\xff"]) {
    assert.ok(isPlainList(bytes(`${name}\0`)), name);
  }
  assert.ok(isPlainList(bytes("")));
  const refused = ["..", "../a", "a/..", "a/../b", "/a", "a//b", ".", "a/./b", "", "/", "a//"];
  for (const name of [...refused, ".dr-syncer", ".dr-syncer/", ".dr-syncer/epoch", "lost+found/x"]) {
    assert.ok(!isPlainList(bytes(`good\0${name}\0`)), JSON.stringify(name));
  }
  assert.ok(!isPlainList(bytes("unfinished")), "no NUL at its end");
  assert.ok(!isPlainList(bytes("a\0".repeat(MAX_CHANGES + 1))), "too many names");
  assert.ok(!isPlainList(bytes(`${"x".repeat(1_048_576)}\0`)), "too long");
});
