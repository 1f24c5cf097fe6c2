import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { errorCode } from "../../faults.ts";
import type { Account } from "../account.ts";
import { giveTo } from "../cluster.ts";
import { ABOUT_FILE, About, MANIFEST_FILE } from "./about.ts";
import { DamagedBackup } from "./damaged.ts";
import { checkManifest } from "./manifest.ts";
import { readTar, type TarEntry } from "./tar.ts";

interface Unpacking {
  /** The folder that gets what the backup holds, empty. */
  readonly data: string;
  readonly account: Account | undefined;
  /** Called with what the backup says of itself, before anything is unpacked; throws to refuse it. */
  readonly judge: (about: About) => void;
  readonly abort: AbortSignal | undefined;
}

/**
 * Unpacks a backup, and checks that all of it is as it was written.
 * @throws DamagedBackup; Error when it cannot be read, or its place not be written.
 */
export async function unpack(file: string, { data, account, judge, abort }: Unpacking): Promise<About> {
  let about: About | undefined;
  let manifest: string | undefined;
  const found = new Map<string, string>();
  const work = async (source: AsyncIterable<Buffer>) => {
    for await (const entry of readTar(source)) {
      if (about === undefined) {
        about = await readAbout(entry);
        judge(about);
      } else if (entry.name === MANIFEST_FILE) manifest = await textOf(entry);
      else
        await write(entry, { data, account, found }).catch((error: unknown) => {
          if (!MISPLACED.has(errorCode(error) ?? "")) throw error;
          throw new DamagedBackup(`${JSON.stringify(entry.name)} in it has no place, or comes twice`);
        });
    }
  };
  try {
    await pipeline(createReadStream(file), createGunzip(), work, { signal: abort });
  } catch (error) {
    const isCut = /^Z_/.test(errorCode(error) ?? "");
    if (about === undefined && (isCut || error instanceof DamagedBackup)) throw notOurs();
    if (isCut) throw new DamagedBackup("its contents do not match their checksum, or its end is missing");
    throw error;
  }
  if (about === undefined) throw notOurs();
  if (manifest === undefined) throw new DamagedBackup("its list of files is missing");
  checkManifest(manifest, found);
  return about;
}

const notOurs = () => new DamagedBackup("it is no file that `docket backup` wrote");

/** Of the list of files, which names each in some 150 bytes. */
const MOST_TEXT_BYTES = 64 * 1024 * 1024;

async function textOf({ name, content }: TarEntry): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const bytes of content) {
    length += bytes.length;
    if (length > MOST_TEXT_BYTES) throw new DamagedBackup(`${name} in it has no end`);
    parts.push(bytes);
  }
  return Buffer.concat(parts).toString();
}

async function readAbout(entry: TarEntry): Promise<About> {
  if (entry.name !== ABOUT_FILE) throw notOurs();
  const about = About.safeParse(inJson(await textOf(entry)));
  if (!about.success)
    throw new Error("This backup is in a form that this Docket does not know: restore it with a newer one.");
  return about.data;
}

function inJson(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    throw notOurs();
  }
}

/** What the system says of a name that is taken, or whose folder is none. */
const MISPLACED = new Set(["EEXIST", "ENOENT", "ENOTDIR"]);

interface Target {
  readonly data: string;
  readonly account: Account | undefined;
  /** Gets the name of each file, with its SHA-256. */
  readonly found: Map<string, string>;
}

async function write({ name, isFolder, content }: TarEntry, { data, account, found }: Target): Promise<void> {
  const parts = name.replace(/^\.\/|\/$/g, "").split("/");
  if (parts.some((part) => part === "" || part === "." || part === ".." || /[\\:]/.test(part)))
    throw new DamagedBackup(`${JSON.stringify(name)} in it is no name of PostgreSQL's`);
  const path = join(data, ...parts);
  if (isFolder) {
    await mkdir(path, { mode: 0o700 });
    return await giveTo(account, path);
  }
  const hash = createHash("sha256");
  // One file of that name: a second one would take the place of what was checked.
  await using handle = await open(path, "wx", 0o600);
  for await (const bytes of content) {
    hash.update(bytes);
    // Not write(), which may take a part of them only where the disk is full.
    await handle.appendFile(bytes);
  }
  await giveTo(account, path);
  found.set(parts.join("/"), hash.digest("hex"));
}
