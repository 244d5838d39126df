/**
 * Trees with everything that a volume may hold, and their comparison.
 *
 * @module
 */
import { shell } from "./folder.ts";

/** Everything that is to arrive, and a device node, which is not. */
const ODD_TREE = `cd "$1"
printf hello >plain; mkdir -p dir/sub empty setgid; echo x >dir/sub/file; : >empty-file
truncate -s 8M sparse; printf data | dd of=sparse bs=1 seek=4000000 conv=notrunc status=none
ln plain dir/hard; ln plain 'hard again'; ln dir/sub/file empty/other-name
ln -s plain link; ln -s /etc/passwd absolute; ln -s ../../outside up; ln -s missing dangling; ln -s dir folder-link
mkfifo fifo; mknod device c 1 3; mknod block b 7 99
printf 1 >"$(printf 'new\\nline')"; printf 2 >"$(printf 'bytes\\377\\376')"; mkdir "$(printf 'folder\\n\\303(')"
printf 3 >'$(touch evaluated)'; printf 4 >'; touch evaluated'; printf 5 >'*deleting   0 x'; printf 6 >./-n; printf 7 >'a b"c'
printf 8 >"$(printf 'folder\\n\\303(')/inside"; printf 9 >'#comment'; printf 10 >' spaces '
chgrp 12345 setgid; chmod 2775 setgid; echo in >setgid/file; chgrp 12345 setgid/file
echo o >owned; chown 12345:54321 owned; chmod 4750 owned; chown -h 12345:54321 link; chmod 1777 empty
setfacl -m u:12345:r,g:54321:rw plain; setfacl -d -m u:12345:rwx dir; setfacl -m m::r owned
setfattr -n user.note -v value plain; setfattr -n user.note -v 'of a folder' dir
head -c 300000 /dev/urandom >random; mkdir .dr-syncer lost+found; echo no >.dr-syncer/mine; echo no >lost+found/mine
touch -d '2001-02-03 04:05:06.789012345' plain; touch -h -d '2002-02-03 04:05:06.5' link; touch -d 2003-01-01 dir`;

/** Fills a folder with all of it. */
export async function makeOddTree(path: string): Promise<void> {
  const socket = Deno.listen({ transport: "unix", path: `${path}/socket` });
  socket.close();
  await shell(ODD_TREE, path);
}

/** Makes `count` files of `size` bytes in folders of a hundred. */
export async function makeFiles(path: string, count: number, size: number, fill = "a"): Promise<void> {
  for (let index = 0; index < count; index++) {
    const folder = `${path}/${Math.floor(index / 100)}`;
    if (index % 100 === 0) await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(`${folder}/${index}`, fill.repeat(size));
  }
}

const OWN = String.raw`\( -path ./.dr-syncer -o -path ./lost+found \) -prune -o`;
/** Type, mode, owner, time of change, length of files, link, inode and number of names, name; ends at a NUL. */
const LIST = String.raw`cd "$1"
find . ${OWN} ! -type b ! -type c -type f -printf 'f %m %U:%G %T@ %s \t%i %n\t%p\0' \
  -o ! -type b ! -type c ! -type f -printf '%y %m %U:%G %T@ %l\t0 1\t%p\0'`;
const CONTENTS = `cd "$1"; find . ${OWN} -type f -print0 | sort -z | xargs -0 -r sha256sum -z | tr '\\0' '\\n'`;
const ACLS = `cd "$1"; find . ${OWN} ! -type l ! -type b ! -type c -print0 | sort -z | xargs -0 -r getfacl -n -p`;
const XATTRS = `cd "$1"; find . ${OWN} ! -type l -print0 | sort -z | xargs -0 -r getfattr -h -d -m '^user\\.'`;

/** All that counts of a tree, as lines that can be compared. */
export async function describeTree(path: string): Promise<string[]> {
  const [list, contents, acls, xattrs] = await Promise.all(
    [LIST, CONTENTS, ACLS, XATTRS].map((script) => bytes(script, path)),
  );
  return [...entries(list ?? ""), contents ?? "", acls ?? "", xattrs ?? ""].flatMap((text) => text.split("\n"));
}

/** Files with several names are told by the first of them. */
function entries(list: string): string[] {
  const rows = list.split("\0").filter((row) => row !== "").map((row) => {
    const [facts = "", inode = "", ...name] = row.split("\t");
    return { facts, inode, name: name.join("\t") };
  }).sort((a, b) => a.name < b.name ? -1 : 1);
  const firsts = new Map<string, string>();
  return rows.map(({ facts, inode, name }) => {
    const isShared = !inode.endsWith(" 1");
    if (isShared && !firsts.has(inode)) firsts.set(inode, name);
    return `${facts} ${JSON.stringify(name)}${isShared ? ` is ${JSON.stringify(firsts.get(inode))}` : ""}`;
  });
}

/** Output of a script, a character a byte: names are not always text. */
async function bytes(script: string, path: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-ec", script, "sh", path],
    env: { LC_ALL: "C" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`Cannot describe ${path}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder("latin1").decode(stdout);
}

/** Space that a file takes, in bytes. */
export async function allocatedBytes(path: string): Promise<number> {
  return Number(await shell('stat -c %b "$1"', path)) * 512;
}
