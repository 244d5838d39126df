import assert from "node:assert/strict";
import { SettingsError } from "./plain_value.ts";
import { guardScript, rsyncdConf } from "./rsyncd_conf.ts";
import { passArguments, planArguments, type TransferOptions } from "./rsync_arguments.ts";
import { sessionScript } from "./session_script.ts";
import { knownHosts, sshConfig } from "./ssh_config.ts";
import { authorizedKeys, sshdConfig } from "./sshd_config.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMnsX3h2UuEBpN0aO18kxMQl5iH2A6qeyLa6ZR2NTa+I";
const sshd = { host: "0.0.0.0", port: 2222, hostKeyPath: "/run/k", authorizedKeysPath: "/run/a", homePath: "/run" };
const ssh = {
  address: { host: "10.0.0.1", port: 2222, hostKeyAlias: "volume-a" },
  user: "root",
  clientKeyPath: "/run/c",
  knownHostsPath: "/run/h",
  controlPath: "/run/m",
};
const transfer: TransferOptions = { ssh: ["/usr/bin/ssh", "-F", "/run/ssh_config"], dataPath: "/data", excludes: [] };

/** Values that would end a line, a quote or an argument, each in the setting that it would get into. */
const unsafe: [string, string, () => string | string[]][] = [
  ["host", "a second setting for sshd", () => sshdConfig({ ...sshd, host: "0.0.0.0\nPermitRootLogin yes" })],
  ["port", "a port beyond all", () => sshdConfig({ ...sshd, port: 70_000 })],
  ["hostKeyPath", "a path that goes up", () => sshdConfig({ ...sshd, hostKeyPath: "/run/../etc/key" })],
  [
    "client public key",
    "a key with options",
    () => authorizedKeys([`${KEY}\nssh-rsa AAAA`, `command="sh" ${KEY}`], "/run/s"),
  ],
  ["client public key", "a key of another kind", () => authorizedKeys(["ssh-rsa AAAAB3NzaC1yc2E"], "/run/s")],
  ["sessionScriptPath", "a quote for the command", () => authorizedKeys([KEY], '/run/s"; sh')],
  ["host", "an option for ssh", () => sshConfig({ ...ssh, address: { ...ssh.address, host: "-oProxyCommand=sh" } })],
  [
    "host",
    "a second setting for ssh",
    () => sshConfig({ ...ssh, address: { ...ssh.address, host: "a\n  ProxyCommand sh" } }),
  ],
  ["hostKeyAlias", "two aliases", () => sshConfig({ ...ssh, address: { ...ssh.address, hostKeyAlias: "a b" } })],
  ["user", "a user with a line end", () => sshConfig({ ...ssh, user: "root\n" })],
  ["hostKeyAlias", "an alias for every host", () => knownHosts("*", [KEY])],
  ["host public key", "a mark of known hosts", () => knownHosts("volume-a", ["@cert-authority"])],
  [
    "dataPath",
    "a path of two words",
    () => rsyncdConf({ dataPath: "/a b", guardScriptPath: "/g", lockPath: "/l", isRoot: true }),
  ],
  ["dataPath", "a quote for the guard's script", () => guardScript("/data'; sh #", "1 2")],
  ["root", "a quote within what was seen", () => guardScript("/data", "1'; sh #")],
  ["command", "a quote for the session's script", () => {
    const options = { rsyncPath: "/usr/bin/rsync", rsyncdConfPath: "/r", controlEnvironment: {} };
    return sessionScript({ ...options, controlCommand: ["deno", "a'b"] });
  }],
  ["exclude", "a second pattern", () => planArguments({ ...transfer, excludes: ["a\n- *"] })],
  ["ssh", "an option within a word", () => planArguments({ ...transfer, ssh: ["/usr/bin/ssh", "-o ProxyCommand=sh"] })],
];

for (const [field, what, write] of unsafe) {
  Deno.test(`a value that would break out of its place is refused: ${what} as ${field}`, () => {
    assert.throws(write, (error) => error instanceof SettingsError && error.field === field);
  });
}

Deno.test("a key opens the session script and nothing else, comments do not travel", () => {
  assert.equal(
    authorizedKeys([`${KEY} some comment`], "/run/dr-syncer/session.sh"),
    `restrict,command="/bin/sh /run/dr-syncer/session.sh" ${KEY}\n`,
  );
});

Deno.test("several host keys may be known, under one alias", () => {
  assert.equal(knownHosts("volume-a", [KEY, KEY]), `volume-a ${KEY}\nvolume-a ${KEY}\n`);
});

Deno.test("a daemon that is not root asks for no chroot and for no user", () => {
  const text = rsyncdConf({ dataPath: "/data", guardScriptPath: "/g", lockPath: "/l", isRoot: false });
  assert.match(text, /^use chroot = no$/m);
  assert.doesNotMatch(text, /^(uid|gid)/m);
});

Deno.test("the daemon asks for nobody's name, not even before a module is chosen", () => {
  const text = rsyncdConf({ dataPath: "/data", guardScriptPath: "/g", lockPath: "/l", isRoot: true });
  assert.match(text.slice(0, text.indexOf("[")), /^reverse lookup = no$/m);
});

Deno.test("a pattern stays one argument whatever it holds, and our own folder is never touched", () => {
  const args = planArguments({ ...transfer, excludes: ["/a b/$(touch c)", "--delete-excluded"] });
  assert.ok(args.includes("--exclude=/a b/$(touch c)"));
  assert.ok(args.includes("--exclude=--delete-excluded"));
  assert.ok(args.includes("--exclude=/.dr-syncer/"));
});

Deno.test("a plan writes nothing, a pass bounds its deletes", () => {
  assert.ok(planArguments(transfer).includes("--dry-run"));
  const args = passArguments(transfer, 12);
  assert.ok(!args.includes("--dry-run"));
  assert.ok(args.includes("--max-delete=12"));
  assert.ok(args.includes("--partial-dir=/data/.dr-syncer/partial"));
});

Deno.test("holes are looked for only where there are some", () => {
  assert.ok(!passArguments(transfer, 1).includes("--sparse"));
  assert.ok(passArguments({ ...transfer, sparse: true }, 1).includes("--sparse"));
});
