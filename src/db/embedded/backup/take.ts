import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { access, open, rename, rm, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import packageJson from "../../../../package.json" with { type: "json" };
import { connect } from "../../connect.ts";
import { errorCode, hasNoSpace, isConnectionLost } from "../../faults.ts";
import { ABOUT_FILE, type About, MANIFEST_FILE, PLATFORM } from "./about.ts";
import { baseBackup, type Piece } from "./base-backup.ts";
import { END, tarFile } from "./tar.ts";

export interface TakenBackup {
  /** Absolute path. */
  readonly file: string;
  readonly bytes: number;
}

export interface TakeOptions {
  /** Replaces a file of that name. */
  readonly overwrite?: boolean | undefined;
  readonly abort?: AbortSignal | undefined;
}

/**
 * Backs a running cluster up into one compressed tar, readable by its owner alone, while writes go on: all that was
 * committed before the call is in it. The file gets its name when it is whole.
 * @param ownerUrl of the cluster's superuser
 * @throws Error when there is such a file, or it cannot be written; nothing is left then.
 */
export async function takeBackup(ownerUrl: string, path: string, options: TakeOptions = {}): Promise<TakenBackup> {
  const file = resolve(path);
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  if (isThere && !options.overwrite)
    throw new Error(`There is ${file} already. Name another file, or pass --overwrite.`);
  const url = new URL(ownerUrl);
  url.searchParams.set("replication", "database");
  const client = await connect(url.href, "docket backup");
  const part = `${file}.${randomUUID()}.part`;
  try {
    const { rows } = await client.query<{ server_version: string }>("SHOW server_version");
    const about: About = {
      format: 1,
      docket: packageJson.version,
      postgres: rows[0]?.server_version ?? "",
      platform: PLATFORM,
      madeAt: new Date().toISOString(),
    };
    const target = createWriteStream(part, { flags: "wx", mode: 0o600 });
    await pipeline(await baseBackup(client), (pieces) => asTar(about, pieces), createGzip(), target, {
      signal: options.abort,
    });
    await sync(part);
    await rename(part, file);
    await sync(dirname(file));
    return { file, bytes: (await stat(file)).size };
  } catch (error) {
    await rm(part, { force: true });
    options.abort?.throwIfAborted();
    if (errorCode(error) === "ENOENT" || errorCode(error) === "EACCES")
      throw new Error(`${file} cannot be written (${errorCode(error)}). Name a file in a folder of yours.`, {
        cause: error,
      });
    if (isConnectionLost(error))
      throw new Error("PostgreSQL went away before the backup was whole. Nothing is left of it; take another one.", {
        cause: error,
      });
    if (hasNoSpace(error))
      throw new Error(`There is no room for ${file}. Nothing is left of it; make room, or name a file elsewhere.`, {
        cause: error,
      });
    throw error;
  } finally {
    await client.end();
  }
}

/** The server's archive with a file before and one behind: its end is moved. */
async function* asTar(about: About, pieces: AsyncIterable<Piece>): AsyncGenerator<Buffer, void, undefined> {
  yield tarFile(ABOUT_FILE, Buffer.from(`${JSON.stringify(about, null, 2)}\n`));
  const manifest: Buffer[] = [];
  let held: Buffer = Buffer.alloc(0);
  for await (const { of, bytes } of pieces) {
    if (of === "manifest") {
      manifest.push(bytes);
      continue;
    }
    const all = held.length === 0 ? bytes : Buffer.concat([held, bytes]);
    const kept = Math.max(0, all.length - END.length);
    if (kept > 0) yield all.subarray(0, kept);
    held = all.subarray(kept);
  }
  if (!held.equals(END)) throw new Error("PostgreSQL's archive ended too early.");
  yield tarFile(MANIFEST_FILE, Buffer.concat(manifest));
  yield END;
}

/** Waits for the disk. Windows syncs no folders. */
async function sync(path: string): Promise<void> {
  if (process.platform === "win32" && (await stat(path)).isDirectory()) return;
  await using handle = await open(path);
  await handle.sync();
}
