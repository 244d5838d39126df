import assert from "node:assert/strict";
import { ShareWalk } from "./shares.ts";

const MIB = 1_048_576;

/** What is told of entries: a path, its type, its MiB, and how many names it has. */
function sharesOf(...entries: [string, string, number?, number?][]): string[] {
  const told: string[] = [];
  const walk = new ShareWalk((mark, path) => {
    told.push(`${/\d/.test(mark) ? Math.round(Number(mark) / MIB) : mark} ${new TextDecoder().decode(path)}`);
  });
  for (const [path, type, size = 0, names = 1] of entries) {
    const depth = path === "" ? 0 : path.split("/").length;
    const facts = { sizeBytes: size * MIB, allocatedBytes: 0, names, changedSeconds: 0 };
    walk.add({ depth, type, path: new TextEncoder().encode(path), ...facts });
  }
  walk.finish();
  return told;
}

Deno.test("small folders are shares as they are, and what the root holds itself comes last", () => {
  assert.deepEqual(
    sharesOf(["", "d"], ["a", "d"], ["a/f", "f", 5], ["a/b", "d"], ["a/b/g", "f", 7], ["h", "f", 9], ["c", "d"]),
    [
      "12 a",
      "0 c",
      "- ./",
    ],
  );
});

Deno.test("a large folder is cut, however deep it is", () => {
  assert.deepEqual(
    sharesOf(["", "d"], ["a", "d"], ["a/b", "d"], ["a/b/c", "d"], ["a/b/c/f", "f", 60], ["a/b/d", "d"], [
      "a/b/d/f",
      "f",
      50,
    ], ["e", "d"]),
    ["60 a/b/c", "50 a/b/d", "- a/b/", "- a/", "0 e", "- ./"],
  );
});

Deno.test("files of several names are told once", () => {
  assert.deepEqual(sharesOf(["", "d"], ["f", "f", 0, 2], ["a", "d"], ["a/g", "f", 0, 2]), ["* ", "0 a", "- ./"]);
});
