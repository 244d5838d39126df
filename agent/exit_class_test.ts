import assert from "node:assert/strict";
import { failedPaths, judgeExit } from "./exit_class.ts";

const HOST_KEY = `No ED25519 host key is known for volume-a and you have requested strict checking.
Host key verification failed.
rsync: connection unexpectedly closed (0 bytes received so far) [Receiver]
rsync error: error starting client-server protocol (code 5) at main.c(1863) [Receiver=3.5.0]`;

const cases: [number, string, string][] = [
  [0, "", "good"],
  [24, 'file has vanished: "/a"', "good, rescan"],
  [23, 'rsync: [sender] send_files failed to open "/a" (in volume): Permission denied (13)', "partial PathsFailed"],
  [23, 'rsync: [receiver] mkstemp "/data/.a" failed: No space left on device (28)', "disk TargetFull"],
  [11, 'rsync: [receiver] write failed on "/data/a": No space left on device (28)', "disk TargetFull"],
  [11, 'rsync: [receiver] write failed on "/data/a": Input/output error (5)', "disk TargetWrite"],
  [25, "Deletions stopped due to --max-delete limit (3 skipped)", "held TooManyDeletes"],
  [12, "rsync: connection unexpectedly closed", "transient ConnectionLost"],
  [12, "@ERROR: pre-xfer exec returned failure (256)\ndr-syncer-guard: the root", "held GuardRefused"],
  [5, "dr-syncer-guard: the root\n@ERROR: pre-xfer exec returned failure (256)", "held GuardRefused"],
  [5, HOST_KEY, "security HostKeyChanged"],
  [255, "Host key verification failed.", "security HostKeyChanged"],
  [5, "root@127.0.0.1: Permission denied (publickey).", "security KeyRefused"],
  [255, "root@127.0.0.1: Permission denied (publickey).", "security KeyRefused"],
  [255, "ssh: connect to host 127.0.0.1 port 2: Connection refused", "transient Unreachable"],
  [5, "ssh: connect to host 10.0.0.1 port 2: Connection timed out", "transient Unreachable"],
  [5, "@ERROR: Unknown module 'volume'", "configuration UnknownModule"],
  [5, "@ERROR: chdir failed", "configuration SourceMissing"],
  [5, "@ERROR: chroot failed", "configuration SourceMissing"],
  [5, "", "transient ConnectionLost"],
  [10, "", "transient ConnectionLost"],
  [20, "", "transient ConnectionLost"],
  [137, "", "transient ConnectionLost"],
  [30, "", "transient TimedOut"],
  [35, "", "transient TimedOut"],
  [255, "", "transient ConnectionLost"],
  [1, "", "configuration Unsupported"],
  [2, "", "configuration Unsupported"],
  [4, "", "configuration Unsupported"],
  [99, "", "transient Unknown"],
  [23, 'rsync: [sender] open "/Host key verification failed" failed: No such device (6)', "partial PathsFailed"],
];

for (const [code, errors, expected] of cases) {
  Deno.test(`exit code ${code} with ${JSON.stringify(errors.slice(0, 60))} means ${expected}`, () => {
    const verdict = judgeExit(code, errors);
    const found = verdict.kind === "good"
      ? `good${verdict.rescan ? ", rescan" : ""}`
      : `${verdict.class} ${verdict.reason}`;
    assert.equal(found, expected);
  });
}

Deno.test("an end that was asked for is no failure of anything", () => {
  const verdict = judgeExit(20, "rsync error: received SIGINT, SIGTERM, or SIGHUP (code 20)", true);
  assert.equal(verdict.kind === "bad" && verdict.class, "stopped");
});

Deno.test("paths that failed are listed, at most as many as asked for", () => {
  const line = (name: string) =>
    `rsync: [sender] send_files failed to open "/${name}" (in volume): Permission denied (13)`;
  const errors = [line("a"), "rsync error: some files/attrs were not transferred (code 23)", line("b"), line("c")].join(
    "\n",
  );
  assert.deepEqual(failedPaths(errors, 2), [line("a"), line("b")]);
});
