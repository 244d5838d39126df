import assert from "node:assert/strict";
import { type Clock, systemClock } from "./clock.ts";
import { createHeaderSource, TOKEN_MAX_AGE_MS } from "./credentials.ts";

/** A token file whose content and clock the test sets. */
function tokenFile() {
  const file = { content: "one\n" as string | undefined, nowMs: 0, reads: 0, changes: 0 };
  const clock: Clock = { ...systemClock, nowMs: () => file.nowMs };
  const read = () => {
    file.reads++;
    return file.content === undefined ? Promise.reject(new Error("no such file")) : Promise.resolve(file.content);
  };
  const source = createHeaderSource({ kind: "tokenFile", read }, clock, () => file.changes++);
  return { file, source };
}

Deno.test("a token file is read once in 60 s, by however many calls", async () => {
  const { file, source } = tokenFile();
  assert.deepEqual(await Promise.all([source.header(), source.header()]), ["Bearer one", "Bearer one"]);
  assert.equal(file.reads, 1);
  file.content = "two";
  file.nowMs = TOKEN_MAX_AGE_MS - 1;
  assert.equal(await source.header(), "Bearer one");
  file.nowMs = TOKEN_MAX_AGE_MS;
  assert.equal(await source.header(), "Bearer two");
  assert.deepEqual([file.reads, file.changes], [2, 1]);
});

Deno.test("after a 401 the file is read at once, and only another token is worth another try", async () => {
  const { file, source } = tokenFile();
  const used = await source.header();
  assert.equal(await source.renew(used), false);
  file.content = "two";
  assert.equal(await source.renew(used), true);
  assert.equal(await source.header(), "Bearer two");
});

Deno.test("a file that is gone or spoiled leaves the old token in use, and is an error without one", async () => {
  const { file, source } = tokenFile();
  file.content = undefined;
  await assert.rejects(source.header(), { name: "KubeError", reason: "Unauthorized" });
  file.content = "one";
  assert.equal(await source.header(), "Bearer one");
  for (const spoiled of [undefined, "", "  \n", "two\nlines", "umläut"]) {
    file.content = spoiled;
    file.nowMs += TOKEN_MAX_AGE_MS;
    assert.equal(await source.header(), "Bearer one");
  }
  const unused = tokenFile();
  unused.file.content = "SECRET two";
  const error = await unused.source.header().catch((error) => error);
  assert.ok(!`${error.message}${error.cause}`.includes("SECRET"));
});

Deno.test("a certificate needs no header, a plain token never changes", async () => {
  const none = createHeaderSource({ kind: "certificate", certPem: "", keyPem: "" }, systemClock, () => {});
  assert.deepEqual([await none.header(), await none.renew(undefined)], [undefined, false]);
  const plain = createHeaderSource({ kind: "token", token: "t" }, systemClock, () => {});
  assert.deepEqual([await plain.header(), await plain.renew("Bearer t")], ["Bearer t", false]);
});
