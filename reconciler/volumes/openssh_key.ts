/**
 * ed25519 keys in OpenSSH's own format (PROTOCOL.key of OpenSSH), from WebCrypto.
 *
 * @module
 */

/** A key pair as files of OpenSSH. */
export interface OpensshKeyPair {
  /** Text of a private key file, without passphrase. Secret. */
  readonly privateKey: string;
  /** `ssh-ed25519 BASE64 COMMENT`, without newline. */
  readonly publicKey: string;
}

const TYPE = "ssh-ed25519";
const MAGIC = "openssh-key-v1\0";
/** The block size of "none", the cipher of keys without passphrase. */
const BLOCK_BYTES = 8;
/** An ed25519 key in PKCS #8 ends with its 32 bytes (RFC 8410, section 7). */
const SEED_BYTES = 32;

/** Makes a new key pair. `comment` tells people what the key is for: printable ASCII without newline. */
export async function generateOpensshKey(comment: string): Promise<OpensshKeyPair> {
  if (!/^[\x20-\x7e]{0,200}$/.test(comment)) {
    throw new TypeError(`Cannot use ${JSON.stringify(comment)} as comment: give up to 200 printable characters`);
  }
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]) as CryptoKeyPair;
  const publicBytes = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const privateBytes = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  const blob = join([text(TYPE), field(publicBytes)]);
  const check = crypto.getRandomValues(new Uint8Array(4));
  const secret = join([
    // Twice the same: shows that a decryption went well.
    check,
    check,
    blob,
    field(join([privateBytes.slice(-SEED_BYTES), publicBytes])),
    text(comment),
  ]);
  const padding = Uint8Array.from(
    { length: (BLOCK_BYTES - secret.length % BLOCK_BYTES) % BLOCK_BYTES },
    (_, i) => i + 1,
  );
  const file = join([
    new TextEncoder().encode(MAGIC),
    text("none"),
    text("none"),
    text(""),
    uint32(1),
    field(blob),
    field(join([secret, padding])),
  ]);
  return { privateKey: armor(file), publicKey: `${TYPE} ${blob.toBase64()}${comment === "" ? "" : ` ${comment}`}` };
}

function armor(file: Uint8Array): string {
  const lines = file.toBase64().match(/.{1,70}/g) ?? [];
  return ["-----BEGIN OPENSSH PRIVATE KEY-----", ...lines, "-----END OPENSSH PRIVATE KEY-----", ""].join("\n");
}

function text(value: string): Uint8Array {
  return field(new TextEncoder().encode(value));
}

function field(bytes: Uint8Array): Uint8Array {
  return join([uint32(bytes.length), bytes]);
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}
