/**
 * Random changes of a tree that come again with their seed.
 *
 * @module
 */
import { shell } from "./folder.ts";

/** Whole numbers from 0 to below a bound. */
export type Random = (below: number) => number;

/** The same numbers for the same seed (mulberry32). */
export function randomOf(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** What is done with a file `$1`, a folder `$2`, another folder `$3` and a new name `$4`. */
const CHANGES = [
  'echo "$4" >>"$1"',
  'printf x | dd of="$1" bs=1 conv=notrunc status=none',
  'chmod 640 "$1"; chmod 710 "$2"',
  'chown 12:34 "$1"',
  'touch -d 2005-06-07 "$1"; touch -d 2004-05-06 "$2"',
  'setfattr -n user.n -v "$4" "$1"; setfattr -n user.n -v "$4" "$2"',
  'setfacl -m u:12345:r "$1"',
  'rm "$1"',
  'mv "$1" "$3/$4"',
  'ln "$1" "$3/$4"',
  'ln -s "$1" "$2/$4"',
  'mkfifo "$2/$4"',
  'echo new >"$2/$4"',
  'mkdir -p "$2/$4/a/b"; echo new >"$2/$4/a/b/c"; echo new >"$2/$4/d"',
  'mv "$2" "$3/$4"',
  'rm -r "$2"; echo file >"$2"',
  'rm "$1"; mkdir "$1"; echo in >"$1/$4"',
  'rm -r "$2"',
  'cp -a "$1" "$3/$4"',
  'cp -a "$2" "$3/$4"',
];

/** Makes changes, and answers with what they were. Some cannot be made where they fall, and make none. */
export async function changeAtRandom(path: string, random: Random, count: number): Promise<string[]> {
  const done: string[] = [];
  for (let change = 0; change < count; change++) {
    const pick = (names: readonly string[]) => names[random(Math.max(1, names.length))] ?? ".";
    const files = await listed(path, "f");
    const folders = (await listed(path, "d")).filter((name) => name !== ".");
    const script = CHANGES[random(CHANGES.length)] ?? "";
    const names = [pick(files), pick(folders), pick([".", ...folders]), `n${random(1_000_000)}`];
    await shell(`cd "$5"; { ${script}; } 2>/dev/null || true`, ...names, path);
    done.push(`${script} ${JSON.stringify(names)}`);
  }
  return done;
}

/** Names of one type, in order; those that are no text are left out. */
async function listed(path: string, type: "f" | "d"): Promise<string[]> {
  const skipped = String.raw`\( -path ./.dr-syncer -o -path ./lost+found \) -prune -o`;
  const text = await shell(`cd "$1"; find . ${skipped} -type ${type} -print0 | sort -z`, path);
  return text.split("\0").filter((name) => name !== "" && !name.includes("\ufffd"));
}
