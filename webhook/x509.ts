/**
 * Certificates of the admission server: ECDSA P-256, made with node:crypto (RFC 5280). A general X.509 library costs
 * 22 MB of resident memory for two fixed profiles.
 *
 * @module
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from "node:crypto";
import { isIP } from "node:net";
import { bits, octets, oid, sequence, setOf, time, tlv, unsignedInteger, utf8, yes } from "./der.ts";

/** A certificate with its private key (PKCS #8), both PEM. */
export interface CertificatePair {
  readonly certPem: string;
  readonly keyPem: string;
}

/** When a certificate is valid; whole seconds. */
export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** What a certificate says of itself. */
export interface CertificateFacts extends Validity {
  readonly isCa: boolean;
  /** DNS names and IP addresses it is good for. */
  readonly hosts: readonly string[];
}

/** A new certificate authority that signs itself. */
export function issueCa(commonName: string, validity: Validity): CertificatePair {
  const keys = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const keyId = keyIdOf(keys.publicKey);
  const extensions = [
    extension("2.5.29.19", sequence(yes(), unsignedInteger(Uint8Array.of(0))), true),
    extension("2.5.29.15", bits(Uint8Array.of(0x06), 1), true), // keyCertSign, cRLSign
    extension("2.5.29.14", octets(keyId)),
  ];
  const body = { issuer: name(commonName), subject: name(commonName), validity, publicKey: keys.publicKey, extensions };
  return { certPem: signedCertificate(body, keys.privateKey), keyPem: keyPemOf(keys.privateKey) };
}

/** A new serving certificate for DNS names and IP addresses, signed by `ca`. */
export function issueLeaf(ca: CertificatePair, hosts: readonly string[], validity: Validity): CertificatePair {
  const keys = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const caKey = createPrivateKey(ca.keyPem);
  const extensions = [
    extension("2.5.29.19", sequence(), true),
    extension("2.5.29.15", bits(Uint8Array.of(0x80), 7), true), // digitalSignature
    extension("2.5.29.37", sequence(oid("1.3.6.1.5.5.7.3.1"))), // serverAuth
    extension("2.5.29.35", sequence(tlv(0x80, keyIdOf(createPublicKey(caKey))))),
    extension("2.5.29.17", sequence(...hosts.map(alternativeName))),
  ];
  const issuer = subjectDer(new X509Certificate(ca.certPem));
  const body = { issuer, subject: name("dr-syncer webhook"), validity, publicKey: keys.publicKey, extensions };
  return { certPem: signedCertificate(body, caKey), keyPem: keyPemOf(keys.privateKey) };
}

/** Reads a certificate; undefined when it is none. */
export function inspect(certPem: string): CertificateFacts | undefined {
  try {
    const cert = new X509Certificate(certPem);
    const hosts = (cert.subjectAltName ?? "").split(", ").filter((entry) => entry !== "")
      .map((entry) => canonicalHost(entry.replace(/^(DNS|IP Address):/, "")));
    return { notBefore: new Date(cert.validFrom), notAfter: new Date(cert.validTo), isCa: cert.ca, hosts };
  } catch {
    return undefined;
  }
}

/** One spelling of a DNS name or an address, as `inspect` gives them. */
export function canonicalHost(host: string): string {
  return isIP(host) === 6 ? new URL(`http://[${host}]`).hostname.slice(1, -1) : host.toLowerCase();
}

/** Whether the key is the certificate's own. */
export function keyMatches(certPem: string, keyPem: string): boolean {
  try {
    return new X509Certificate(certPem).checkPrivateKey(createPrivateKey(keyPem));
  } catch {
    return false;
  }
}

/** Whether `caPem` signed `certPem`. */
export function isIssuedBy(certPem: string, caPem: string): boolean {
  try {
    const cert = new X509Certificate(certPem);
    const ca = new X509Certificate(caPem);
    return cert.issuer === ca.subject && cert.verify(ca.publicKey);
  } catch {
    return false;
  }
}

interface CertificateBody {
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly validity: Validity;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Uint8Array[];
}

function signedCertificate(body: CertificateBody, signer: KeyObject): string {
  const algorithm = sequence(oid("1.2.840.10045.4.3.2")); // ecdsa-with-SHA256
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40; // positive, and never a leading zero
  const toBeSigned = sequence(
    tlv(0xa0, unsignedInteger(Uint8Array.of(2))), // version 3
    unsignedInteger(serial),
    algorithm,
    body.issuer,
    sequence(time(body.validity.notBefore), time(body.validity.notAfter)),
    body.subject,
    spki(body.publicKey),
    tlv(0xa3, sequence(...body.extensions)),
  );
  return pem("CERTIFICATE", sequence(toBeSigned, algorithm, bits(sign("sha256", toBeSigned, signer))));
}

function extension(id: string, value: Uint8Array, critical = false): Uint8Array {
  return critical ? sequence(oid(id), yes(), octets(value)) : sequence(oid(id), octets(value));
}

function name(commonName: string): Uint8Array {
  return sequence(setOf(sequence(oid("2.5.4.3"), utf8(commonName))));
}

/** Our own CAs carry a common name alone, so that the text form is enough to encode it again. */
function subjectDer(cert: X509Certificate): Uint8Array {
  return name(cert.subject.replace(/^CN=/, ""));
}

function alternativeName(host: string): Uint8Array {
  if (isIP(host) === 4) return tlv(0x87, Uint8Array.from(host.split(".").map(Number)));
  if (isIP(host) === 6) return tlv(0x87, ipv6Octets(host));
  return tlv(0x82, new TextEncoder().encode(host));
}

function ipv6Octets(host: string): Uint8Array {
  const [left = "", right] = canonicalHost(host).split("::");
  const head = left === "" ? [] : left.split(":");
  const tail = right === undefined || right === "" ? [] : right.split(":");
  const zeros = Array<string>(8 - head.length - tail.length).fill("0");
  return Uint8Array.from([...head, ...zeros, ...tail].flatMap((group) => {
    const value = parseInt(group, 16);
    return [value >> 8, value & 0xff];
  }));
}

function spki(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ type: "spki", format: "der" }));
}

function keyIdOf(key: KeyObject): Uint8Array {
  return new Uint8Array(createHash("sha256").update(spki(key)).digest()).subarray(0, 20);
}

function keyPemOf(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

function pem(label: string, der: Uint8Array): string {
  const lines = der.reduce((text, byte) => text + String.fromCharCode(byte), "");
  return `-----BEGIN ${label}-----\n${btoa(lines).replace(/.{64}(?=.)/g, "$&\n")}\n-----END ${label}-----\n`;
}
