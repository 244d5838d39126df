import assert from "node:assert/strict";
import { parseJunit } from "./junit.ts";

const report = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="6" failures="2" errors="1" time="0.048">
    <testsuite name="./a_test.ts" tests="6" disabled="1" errors="1" failures="2">
        <testcase name="writes &lt;nothing&gt; &amp; waits" classname="./a_test.ts" time="0.003" line="1" col="6">
        </testcase>
        <testcase name="has steps" classname="./a_test.ts" time="0.004" line="2" col="6">
            <failure message="1 test step failed">1 test step failed.</failure>
        </testcase>
        <testcase name="has steps &gt; first" classname="./a_test.ts" time="0.001" line="2" col="49">
            <failure message="Uncaught Error: x &lt; y">Error: x</failure>
        </testcase>
        <testcase name="is left out" classname="./a_test.ts" time="0.000" line="3" col="11">
            <skipped/>
        </testcase>
        <testcase name="was cancelled" classname="./a_test.ts" time="0.000" line="4" col="6">
            <error message="Cancelled"/>
        </testcase>
    </testsuite>
</testsuites>`;

Deno.test("a report gives each test and step once, with its outcome", () => {
  assert.deepEqual(parseJunit(report), [
    { name: "writes <nothing> & waits", outcome: "passed" },
    { name: "has steps > first", outcome: "failed" },
    { name: "is left out", outcome: "ignored" },
    { name: "was cancelled", outcome: "failed" },
  ]);
});

Deno.test("a report that was never written holds no test", () => {
  assert.deepEqual(parseJunit(""), []);
});
