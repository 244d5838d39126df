import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import { migrationExamples } from "./guide_examples.ts";
import { runVerb } from "./program.ts";

Deno.test("every example of the migration guide is what convert prints", async () => {
  const examples = await migrationExamples();
  assert.ok(examples.length >= 3);
  for (const { flags, before, after, said } of examples) {
    const { code, stdout, stderr } = await runVerb(["convert", "-f", "-", ...flags], { stdin: before });
    const documents = (text: string) => parseAllDocuments(text).map((document) => document.toJS());
    assert.deepEqual(documents(stdout), documents(after));
    assert.equal(stderr, said);
    assert.equal(code, said.includes("left out:") ? 2 : 0);
  }
});

Deno.test("convert reads files and Lists, and prints JSON", async () => {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    const [example] = await migrationExamples();
    const items = parseAllDocuments(example?.before ?? "").map((document) => document.toJS());
    await Deno.writeTextFile(file, JSON.stringify({ apiVersion: "v1", kind: "List", items }));
    const { code, stdout } = await runVerb(["convert", "-f", file, "--own-cluster", "prod", "-o", "json"]);
    assert.equal(code, 0);
    const list = JSON.parse(stdout);
    assert.deepEqual([list.kind, list.items.length, list.items[0].kind], ["List", 1, "Replication"]);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("what convert cannot read is exit code 1, and quotes nothing of it", async () => {
  const inputs: [string, RegExp][] = [
    ["a: [hunter2", /^dr-syncer: cannot read -: it is not YAML \(line 1\)\n$/],
    ["hunter2", /^dr-syncer: .*-/i],
    ["apiVersion: v1\nkind: Secret\nstringData: { a: hunter2 }\n", /^dr-syncer: .*-/i],
  ];
  for (const [stdin, told] of inputs) {
    const { code, stdout, stderr } = await runVerb(["convert", "-f", "-"], { stdin });
    assert.deepEqual([code, stdout], [1, ""], stdin);
    assert.match(stderr, told);
    assert.doesNotMatch(stderr, /hunter2|at file:/);
  }
  const missing = await runVerb(["convert", "-f", "/nowhere/old.yaml"]);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /^dr-syncer: cannot read \/nowhere\/old\.yaml/);
});

Deno.test("help names every verb and every flag of it, and the version is told", async () => {
  const help = await runVerb(["--help"]);
  assert.equal(help.code, 0);
  for (const verb of ["controller", "plan", "convert"]) assert.match(help.stdout, new RegExp(`\\n  ${verb} `));
  const flags: [string, string[]][] = [
    ["plan", ["--kubeconfig", "--context", "--namespace", "--replication", "--filename", "--output"]],
    ["convert", ["--filename", "--namespace", "--own-cluster", "--output"]],
    ["controller", ["--kubeconfig", "--tenant-mode"]],
  ];
  for (const [verb, names] of flags) {
    const { code, stdout } = await runVerb([verb, "--help"]);
    assert.equal(code, 0);
    for (const name of names) assert.ok(stdout.includes(name), `${verb} ${name}`);
  }
  const version = await runVerb(["--version"]);
  assert.deepEqual([version.code, /^\d+\.\d+\.\d+\n$/.test(version.stdout)], [0, true]);
});

Deno.test("a mistyped verb, flag or format is exit code 1 and told in one line each", async () => {
  const cases: [string[], RegExp][] = [
    [["pln"], /error: unknown command 'pln'[^]*\ndr-syncer --help shows what there is\.\n$/],
    [["plan", "--replicaton", "a"], /error: unknown option '--replicaton'/],
    [["plan", "-o", "xml"], /error: option '-o, --output <format>' argument 'xml' is invalid/],
    [["convert"], /error: required option '-f, --filename <file...>' not specified/],
    [
      ["plan", "--kubeconfig", "/nowhere"],
      /^dr-syncer: Cannot find a kubeconfig at \/nowhere; name one with --kubeconfig/,
    ],
  ];
  for (const [args, told] of cases) {
    const { code, stdout, stderr } = await runVerb(args);
    assert.deepEqual([code, stdout], [1, ""], args.join(" "));
    assert.match(stderr, told);
    assert.doesNotMatch(stderr, /\n\s+at /);
  }
});
