/**
 * Reads the JUnit report of `deno test --junit-path`.
 *
 * @module
 */

/** How one test (or step of a test) went. */
export interface TestResult {
  readonly name: string;
  readonly outcome: "passed" | "failed" | "ignored";
}

/**
 * Every test and step of a report. A test that failed only because its steps did is left out: the steps are counted.
 *
 * @param xml the report; empty when the tests could not even be loaded
 */
export function parseJunit(xml: string): TestResult[] {
  const results: TestResult[] = [];
  for (const [, name = "", body = ""] of xml.matchAll(/<testcase name="([^"]*)"[^>]*>(.*?)<\/testcase>/gs)) {
    if (/<failure message="\d+ test steps? failed">/.test(body)) continue;
    results.push({ name: unescapeXml(name), outcome: outcomeOf(body) });
  }
  return results;
}

function outcomeOf(body: string): TestResult["outcome"] {
  if (/<(failure|error)[ >]/.test(body)) return "failed";
  return body.includes("<skipped/>") ? "ignored" : "passed";
}

function unescapeXml(text: string): string {
  const characters: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => characters[name] ?? "");
}
