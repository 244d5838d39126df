/**
 * What the target volume itself remembers of passes, in its folder `.dr-syncer`: the lock, the highest epoch, and the
 * marker of a pass that has not ended well.
 *
 * @module
 */
import { OWN_FOLDER } from "./settings/rsync_arguments.ts";

/** A pass that began to write and has not ended well since. */
export interface DirtyMarker {
  readonly epoch: number;
  readonly passId: string;
  /** RFC 3339. */
  readonly startedAt: string;
}

/** Why the folder cannot be used. */
export type FolderRefusal = "Busy" | "Fenced" | "Foreign";

/** The folder cannot be used now, or not by this epoch. */
export class FolderError extends Error {
  override readonly name = "FolderError";
  readonly reason: FolderRefusal;

  constructor(reason: FolderRefusal, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** The folder of one volume while it is locked; disposing unlocks it. */
export class OwnFolder implements Disposable {
  /** Where it is. */
  readonly path: string;
  readonly #lock: Deno.FsFile;

  private constructor(path: string, lock: Deno.FsFile) {
    this.path = path;
    this.#lock = lock;
  }

  /**
   * Makes the folder, locks it, and puts what a killed rsync left half-written where the next one goes on from it.
   *
   * @throws {FolderError} `Busy` when another process has the lock, `Fenced` when a higher epoch was here, `Foreign` when
   * something else has the folder's name
   */
  static async open(dataPath: string, epoch: number): Promise<OwnFolder> {
    const path = `${dataPath}/${OWN_FOLDER}`;
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
    if (!(await Deno.lstat(path)).isDirectory) {
      throw new FolderError("Foreign", `${path} is not a folder of ours: remove it`);
    }
    const lock = await Deno.open(`${path}/lock`, { create: true, write: true, mode: 0o600 });
    const folder = new OwnFolder(path, lock);
    try {
      // flock(2): the kernel takes it off when its holder dies.
      if (!await lock.tryLock(true)) throw new FolderError("Busy", "another pass writes to this volume");
      await folder.#raiseEpoch(epoch);
      for (const name of ["temporary", "partial"]) {
        await Deno.mkdir(`${path}/${name}`, { recursive: true, mode: 0o700 });
      }
      await folder.#salvage();
      return folder;
    } catch (error) {
      lock.close();
      throw error;
    }
  }

  /** The marker of an earlier pass. */
  async readMarker(): Promise<DirtyMarker | undefined> {
    const text = await readIfThere(`${this.path}/dirty`);
    return text === undefined ? undefined : JSON.parse(text) as DirtyMarker;
  }

  /** Says, on the disk, that the volume is being written. */
  async mark(marker: DirtyMarker): Promise<void> {
    await writeThrough(`${this.path}/dirty`, JSON.stringify(marker));
  }

  /** Says that the volume is whole, and drops parts of files that no pass will go on with. */
  async unmark(): Promise<void> {
    await Deno.remove(`${this.path}/dirty`).catch(ignoreMissing);
    await Deno.remove(`${this.path}/partial`, { recursive: true }).catch(ignoreMissing);
  }

  /** A part of a file is only ever compared with the whole: whatever it holds, it saves time or it does not. */
  async #salvage(): Promise<void> {
    const temporary = `${this.path}/temporary`;
    for await (const { name } of Deno.readDir(temporary)) {
      // In a folder for it, rsync writes to NAME, a dot and six characters of its own.
      const whole = name.match(/^(.+)\.[A-Za-z0-9]{6}$/)?.[1];
      // A name that is no text cannot be spelled here: that part is lost.
      if (whole) await Deno.rename(`${temporary}/${name}`, `${this.path}/partial/${whole}`).catch(ignoreMissing);
    }
    await Deno.remove(temporary, { recursive: true });
    await Deno.mkdir(temporary, { mode: 0o700 });
  }

  async #raiseEpoch(epoch: number): Promise<void> {
    const highest = Number(await readIfThere(`${this.path}/epoch`) ?? 0);
    if (epoch < highest) {
      throw new FolderError("Fenced", `epoch ${epoch} is over: epoch ${highest} has written to this volume`);
    }
    if (epoch > highest) await writeThrough(`${this.path}/epoch`, String(epoch));
  }

  [Symbol.dispose](): void {
    this.#lock.close();
  }
}

async function writeThrough(path: string, text: string): Promise<void> {
  await Deno.remove(`${path}.new`).catch(ignoreMissing);
  using file = await Deno.open(`${path}.new`, { createNew: true, write: true, mode: 0o600 });
  await file.write(new TextEncoder().encode(text));
  await file.sync();
  await Deno.rename(`${path}.new`, path);
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    ignoreMissing(error);
  }
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
