/**
 * Which volume a root belongs to: being a mount point proves nothing in a pod, so what the filesystem says of its root
 * is compared with what it said at the last good pass.
 *
 * @module
 */

/** What tells one volume's root from another's. */
export interface RootIdentity {
  /** Kind of filesystem as in /proc/self/mountinfo: `ext4`, `xfs`, `nfs4`. */
  readonly filesystem: string;
  readonly inode: string;
  /** Time of birth, seconds with nine decimals; `0.000000000` where the filesystem keeps none. */
  readonly birth: string;
  /** f_fsid of statfs(2), hexadecimal. */
  readonly fsid: string;
  /** Folder within the filesystem that the root is: `/`, or that of a host path. */
  readonly folder: string;
  /** What is mounted: a device, or `server:/export`. */
  readonly mounted: string;
}

/** One line of mountinfo. */
interface Mount {
  readonly folder: string;
  readonly point: string;
  readonly filesystem: string;
  readonly mounted: string;
}

/** Facts about a root, as the programs tell them. */
export interface RootFacts {
  /** Absolute path of the root. */
  readonly path: string;
  /** `stat -c '%i %.9W'`. */
  readonly file: string;
  /** `stat -f -c '%T %i'`. */
  readonly filesystem: string;
  /** /proc/self/mountinfo. */
  readonly mountinfo: string;
}

/** Puts the facts together. @throws {Error} when the path lies on no mount, which a real root never does */
export function rootIdentity({ path, file, filesystem, mountinfo }: RootFacts): RootIdentity {
  const [inode = "", birth = ""] = file.trim().split(" ");
  const mount = mountOf(path, mountinfo);
  if (mount === undefined) throw new Error(`Cannot tell the mount of ${path}: mountinfo has none for it`);
  const below = path.slice(mount.point === "/" ? 0 : mount.point.length);
  return {
    filesystem: mount.filesystem,
    inode,
    birth,
    fsid: filesystem.trim().split(" ").at(-1) ?? "",
    folder: joined(mount.folder, below),
    mounted: mount.mounted,
  };
}

/** Whether two identities are of one volume: compared are the facts that stay for this kind of filesystem. */
export function isSameRoot(a: RootIdentity, b: RootIdentity): boolean {
  return JSON.stringify(comparable(a)) === JSON.stringify(comparable(b));
}

/** For people: the facts that are compared. */
export function describeRoot(identity: RootIdentity): string {
  return Object.entries(comparable(identity)).map(([name, value]) => `${name} ${value}`).join(", ");
}

function comparable({ filesystem, inode, birth, fsid, folder, mounted }: RootIdentity): Record<string, string> {
  // Each client of NFS may see another fsid; the export is what stays.
  if (/^nfs/.test(filesystem)) return { filesystem: "nfs", inode, mounted };
  // The fsid of XFS follows the device, which is another one after a move to another node.
  if (filesystem === "xfs") return { filesystem, inode, birth, folder };
  return { filesystem, inode, birth, fsid, folder };
}

/** The mount that a path lies on: of those whose point is above it the longest, of equals the last. */
function mountOf(path: string, mountinfo: string): Mount | undefined {
  let found: Mount | undefined;
  for (const line of mountinfo.split("\n")) {
    const mount = parseMount(line);
    if (mount === undefined || !isBelow(path, mount.point)) continue;
    if (found === undefined || mount.point.length >= found.point.length) found = mount;
  }
  return found;
}

/** See proc_pid_mountinfo(5): optional fields end at a dash. */
function parseMount(line: string): Mount | undefined {
  const [before, after] = line.split(" - ");
  const [, , , folder, point] = (before ?? "").split(" ").map(unescapeOctal);
  const [filesystem, mounted] = (after ?? "").split(" ").map(unescapeOctal);
  if (!folder || !point || !filesystem) return undefined;
  return { folder, point, filesystem, mounted: mounted ?? "" };
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(parseInt(code, 8)));
}

function isBelow(path: string, point: string): boolean {
  return path === point || path.startsWith(point === "/" ? "/" : `${point}/`);
}

function joined(folder: string, below: string): string {
  return `${folder === "/" ? "" : folder}${below === "/" ? "" : below}` || "/";
}
