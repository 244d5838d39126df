import assert from "node:assert/strict";
import { generateOpensshKey } from "./openssh_key.ts";
import { plainPublicKey } from "../../agent/settings/plain_value.ts";

Deno.test("a key has the form that its own checks ask for, with and without comment", async () => {
  const named = await generateOpensshKey("shop/data");
  assert.equal(plainPublicKey("key", named.publicKey), named.publicKey.replace(" shop/data", ""));
  assert.match(
    named.privateKey,
    /^-----BEGIN OPENSSH PRIVATE KEY-----\n(.{70}\n)+.{1,70}\n-----END OPENSSH PRIVATE KEY-----\n$/,
  );
  assert.match((await generateOpensshKey("")).publicKey, /^ssh-ed25519 [A-Za-z0-9+/]{68}$/);
});

Deno.test("no two keys are the same", async () => {
  const [one, other] = [await generateOpensshKey("a"), await generateOpensshKey("a")];
  assert.notEqual(one.publicKey, other.publicKey);
});

Deno.test("a comment cannot end its line", async () => {
  await assert.rejects(generateOpensshKey("a\nssh-rsa AAAA"), TypeError);
});
