import assert from "node:assert/strict";
import { rootIdentity } from "./identity.ts";

const mountinfo = `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
40 27 254:16 / /data rw,relatime shared:5 - xfs /dev/vdb rw
41 27 254:0 /var/pv/one /host\\040path rw,relatime master:1 propagate_from:2 - ext4 /dev/vda rw
42 40 0:50 / /data/over rw - tmpfs tmpfs rw
43 27 0:60 / /nfs rw - nfs4 nas:/export/a rw,vers=4.2
`;
const facts = { file: "128 1795287512.010679134\n", filesystem: "ext2/ext3 e1dfcee8c51e4910\n", mountinfo };

const cases: [string, string, string, string][] = [
  ["/data", "xfs", "/", "/dev/vdb"],
  ["/host path", "ext4", "/var/pv/one", "/dev/vda"],
  ["/host path/sub", "ext4", "/var/pv/one/sub", "/dev/vda"],
  ["/database", "ext4", "/database", "/dev/vda"],
  ["/data/over", "tmpfs", "/", "tmpfs"],
  ["/nfs", "nfs4", "/", "nas:/export/a"],
];

for (const [path, filesystem, folder, mounted] of cases) {
  Deno.test(`the root ${path} lies on ${filesystem}`, () => {
    assert.deepEqual(rootIdentity({ ...facts, path }), {
      filesystem,
      folder,
      mounted,
      inode: "128",
      birth: "1795287512.010679134",
      fsid: "e1dfcee8c51e4910",
    });
  });
}

Deno.test("of two mounts on one point the later one counts", () => {
  const twice = `${mountinfo}50 40 0:51 / /data rw - tmpfs later rw\n`;
  assert.equal(rootIdentity({ ...facts, mountinfo: twice, path: "/data" }).mounted, "later");
});
