import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import type { Client } from "pg";
import { z } from "zod";

const Hash = z.string().regex(/^[0-9a-f]{64}$/);
const Position = z.number().int().nonnegative();

const Document = z.strictObject({
  version: z.literal(1),
  /** By the database's clock. */
  takenAt: z.string(),
  /** The last position of the log at that moment. */
  position: Position,
  /** The last position that had been taken out of the log; 0: none. */
  floor: Position,
  heads: z.array(z.strictObject({ projectId: z.string(), number: z.number().int().positive(), hash: Hash })),
  /** Ed25519, in base64, over the JSON of the members above in this order and without spaces. */
  signature: z.string().optional(),
});

/**
 * The ends of all chains at one moment, to be kept where nobody who can write to the database can: somebody who
 * rewrites an earlier event cannot arrive at these hashes again.
 */
export type KeptHeads = z.output<typeof Document>;

/** The last event of each project, by the index from project to project; of a chain all taken out, where it ended. */
const HEADS = `WITH RECURSIVE last AS (
    (SELECT project_id, number, hash FROM events ORDER BY project_id DESC, position DESC LIMIT 1)
    UNION ALL
    SELECT before.* FROM last CROSS JOIN LATERAL (SELECT e.project_id, e.number, e.hash FROM events e
      WHERE e.project_id < last.project_id ORDER BY e.project_id DESC, e.position DESC LIMIT 1) before
  ), ended AS (
    SELECT project_id, number, hash FROM last
    UNION ALL
    SELECT project_id, number, hash FROM project_log_floors WHERE project_id NOT IN (SELECT project_id FROM last)
  )
  SELECT public.docket_now() AS taken_at, f.position AS floor,
    coalesce((SELECT e.position FROM events e ORDER BY e.position DESC LIMIT 1), f.position) AS position,
    coalesce((SELECT json_agg(json_build_object('projectId', project_id, 'number', number, 'hash', encode(hash, 'hex'))
      ORDER BY project_id COLLATE "C") FROM ended), '[]') AS heads
  FROM log_floor f`;

/** Reads the ends of all chains at this moment. Whether the chains are whole, verifyLog() says. @param auditor from connectAuditor(). */
export async function takeHeads(auditor: Client): Promise<KeptHeads> {
  const { rows } = await auditor.query<{ taken_at: Date; floor: string; position: string; heads: KeptHeads["heads"] }>(
    HEADS,
  );
  const [row] = rows;
  if (!row) throw new Error("The log has no floor (table log_floor is empty): where it begins is not known.");
  const { taken_at, floor, position, heads } = row;
  return { version: 1, takenAt: taken_at.toISOString(), position: Number(position), floor: Number(floor), heads };
}

/**
 * @param privateKey Ed25519, in PEM form.
 * @throws Error when it is none.
 */
export function signHeads(heads: KeptHeads, privateKey: string): KeptHeads {
  const key = ed25519(() => createPrivateKey(privateKey), "private");
  return { ...heads, signature: sign(null, signedPart(heads), key).toString("base64") };
}

/**
 * Reads what takeHeads() gave.
 * @param publicKey Ed25519, in PEM form; null: a signature is not looked at.
 * @throws Error when the text is no such document, or its signature is missing or wrong.
 */
export function readHeads(text: string, publicKey: string | null): KeptHeads {
  const parsed = Document.safeParse(parseJson(text));
  if (!parsed.success)
    throw new Error(`This is not what "docket audit head" printed: ${z.prettifyError(parsed.error)}`);
  const heads = parsed.data;
  if (publicKey === null) return heads;
  const key = ed25519(() => createPublicKey(publicKey), "public");
  if (heads.signature === undefined) throw new Error("The kept heads bear no signature.");
  if (!verify(null, signedPart(heads), key, Buffer.from(heads.signature, "base64")))
    throw new Error("The signature of the kept heads is wrong: they were changed, or signed with another key.");
  return heads;
}

/** The document without its signature, however the file was laid out. */
function signedPart({ version, takenAt, position, floor, heads }: KeptHeads): Buffer {
  const plain = heads.map(({ projectId, number, hash }) => ({ projectId, number, hash }));
  return Buffer.from(JSON.stringify({ version, takenAt, position, floor, heads: plain }));
}

function ed25519(read: () => KeyObject, kind: "private" | "public"): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = read();
  } catch {
    // Said below.
  }
  if (key?.asymmetricKeyType !== "ed25519")
    throw new Error(
      `This is not an Ed25519 ${kind} key in PEM form. To make a pair: openssl genpkey -algorithm ed25519 -out key.pem; ` +
        "openssl pkey -in key.pem -pubout -out public.pem",
    );
  return key;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('This is not what "docket audit head" printed: it is not JSON.');
  }
}
