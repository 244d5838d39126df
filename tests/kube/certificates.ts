/**
 * A CA and what it issues: client certificates for API servers started with `--client-ca-file`, and one for a server.
 *
 * @module
 */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const YEAR_MS = 365 * 24 * 3_600_000;

/** A certificate with its key. */
export interface Issued {
  readonly certPem: string;
  readonly keyPem: string;
}

/** A CA that lives as long as the test. */
export interface TestCa {
  readonly caPem: string;
  /** Certificate of a user in the group `system:masters`. */
  issueClient(user: string): Promise<Issued>;
  /** Certificate of a server on 127.0.0.1. */
  issueServer(): Promise<Issued>;
}

/** Makes a CA. */
export async function makeCa(): Promise<TestCa> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + YEAR_MS) };
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity,
    name: "CN=test-ca",
    keys,
    signingAlgorithm: algorithm,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  async function issue(subject: string, extensions: x509.Extension[]): Promise<Issued> {
    const own = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const certificate = await x509.X509CertificateGenerator.create({
      ...validity,
      subject,
      issuer: ca.subject,
      publicKey: own.publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: algorithm,
      extensions,
    });
    const pkcs8 = await crypto.subtle.exportKey("pkcs8", own.privateKey);
    return { certPem: certificate.toString("pem"), keyPem: x509.PemConverter.encode(pkcs8, "PRIVATE KEY") };
  }
  const { clientAuth, serverAuth } = x509.ExtendedKeyUsage;
  return {
    caPem: ca.toString("pem"),
    issueClient: (user) => issue(`CN=${user}, O=system:masters`, [new x509.ExtendedKeyUsageExtension([clientAuth])]),
    issueServer: () =>
      issue("CN=server", [
        new x509.ExtendedKeyUsageExtension([serverAuth]),
        new x509.SubjectAlternativeNameExtension([{ type: "ip", value: "127.0.0.1" }]),
      ]),
  };
}
