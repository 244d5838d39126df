import assert from "node:assert/strict";
import { FolderError, OwnFolder } from "./own_folder.ts";

async function withVolume(action: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempDir();
  try {
    await action(path);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

const refusal = (reason: string) => (error: unknown) => error instanceof FolderError && error.reason === reason;

Deno.test("a lower epoch is over once a higher one was here", async () => {
  await withVolume(async (path) => {
    (await OwnFolder.open(path, 2))[Symbol.dispose]();
    await assert.rejects(OwnFolder.open(path, 1), refusal("Fenced"));
    (await OwnFolder.open(path, 2))[Symbol.dispose]();
  });
});

Deno.test("two passes do not write to one volume", async () => {
  await withVolume(async (path) => {
    using _first = await OwnFolder.open(path, 1);
    await assert.rejects(OwnFolder.open(path, 1), refusal("Busy"));
  });
});

Deno.test("the marker stays until the volume is whole", async () => {
  await withVolume(async (path) => {
    const marker = { epoch: 1, passId: "a", startedAt: "2026-01-01T00:00:00.000Z" };
    {
      using folder = await OwnFolder.open(path, 1);
      assert.equal(await folder.readMarker(), undefined);
      await folder.mark(marker);
    }
    using folder = await OwnFolder.open(path, 1);
    assert.deepEqual(await folder.readMarker(), marker);
    await folder.unmark();
    assert.equal(await folder.readMarker(), undefined);
  });
});

Deno.test("what a killed rsync left half-written is gone on with, and nothing else stays of it", async () => {
  await withVolume(async (path) => {
    const own = `${path}/.dr-syncer`;
    (await OwnFolder.open(path, 1))[Symbol.dispose]();
    await Deno.writeTextFile(`${own}/temporary/data.db.Xy12aB`, "half");
    await Deno.writeTextFile(`${own}/temporary/list-0`, "names");
    await Deno.writeTextFile(`${own}/partial/file`, "part");
    (await OwnFolder.open(path, 1))[Symbol.dispose]();
    const namesIn = async (folder: string) => {
      return (await Array.fromAsync(Deno.readDir(`${own}/${folder}`), ({ name }) => name)).sort();
    };
    assert.deepEqual(await namesIn("temporary"), []);
    assert.deepEqual(await namesIn("partial"), ["data.db", "file"]);
    assert.equal(await Deno.readTextFile(`${own}/partial/data.db`), "half");
  });
});
