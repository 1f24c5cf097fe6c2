import { hash, randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";

/** What a secret opens: the API, a browser session, or once the sign-in page. Each is a row of `api_keys`. */
export type SecretKind = "key" | "session" | "sign_in";

export interface Secret {
  /** Shown once and never stored. */
  readonly text: string;
  /** Names the secret in lists, events and logs: its start, which gives nothing away. */
  readonly prefix: string;
  readonly hash: Buffer;
}

const START: Record<SecretKind, string> = { key: "dk_", session: "ds_", sign_in: "dl_" };
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/** 62^43 is just more than 2^256. */
const RANDOM_LENGTH = 43;
const CHECKSUM_LENGTH = 6;
const PREFIX_LENGTH = "dk_".length + 8;
const FORM = new RegExp(`^d[ksl]_[0-9A-Za-z]{${RANDOM_LENGTH + CHECKSUM_LENGTH}}$`);

export function makeSecret(kind: SecretKind): Secret {
  const body = START[kind] + base62(BigInt(`0x${randomBytes(32).toString("hex")}`), RANDOM_LENGTH);
  const text = body + checksum(body);
  return { text, prefix: text.slice(0, PREFIX_LENGTH), hash: hashOf(text) };
}

/** 256 random bits need no salt and no slow hash. */
export function hashOf(text: string): Buffer {
  return hash("sha256", text, "buffer");
}

/** Whether the text is whole: a key that was cut or mistyped is told from one that is unknown, without the database. */
export function isWellFormed(text: string, kind: SecretKind): boolean {
  if (!text.startsWith(START[kind]) || !FORM.test(text)) return false;
  return checksum(text.slice(0, -CHECKSUM_LENGTH)) === text.slice(-CHECKSUM_LENGTH);
}

/** Whether the text means to be an API key, whole or not; anything else in its place may be a token. */
export function looksLikeApiKey(text: string): boolean {
  return text.startsWith(START.key);
}

function checksum(body: string): string {
  let text = "";
  // No BigInt, as 32 bits do without: it is made for every request.
  for (let rest = crc32(body); text.length < CHECKSUM_LENGTH; rest = Math.floor(rest / 62))
    text = DIGITS[rest % 62] + text;
  return text;
}

function base62(number: bigint, length: number): string {
  let text = "";
  for (let rest = number; text.length < length; rest /= 62n) text = DIGITS[Number(rest % 62n)] + text;
  return text;
}
