/**
 * What looks like a secret that opens this server: a key, a session or a sign-in link from its twelfth character on (its
 * prefix names it in public), what follows `Bearer`, and a JSON Web Token; each character also percent-encoded.
 * What surrounds it does not matter, and it ends where a JSON string does.
 */
const SECRET = new RegExp(
  [
    "(?:d|%[46]4)(?:[ksl]|%[46][bc]|%[57]3)(?:_|%5f)(?:[0-9a-z]|%[3-7][0-9a-f]){9,}",
    String.raw`bearer(?:\s|\+|%20|%09)+[^\s"\\]+`,
    String.raw`eyj[\w-]{10,200}\.eyj[\w-]+(?:\.[\w-]*)?`,
  ].join("|"),
  "gi",
);

/** The text without what looks like a secret of a caller. */
export function redact(text: string): string {
  return text.replace(SECRET, "(not logged)");
}

/** Whether others could use what stands in the text. */
export function holdsSecret(text: string): boolean {
  return redact(text) !== text;
}
