import { expect, it } from "vitest";
import { holdsSecret, redact } from "../../src/keys/redact.ts";
import { makeSecret } from "../../src/keys/secret.ts";

const JWT = `eyJ${"hbGciOiJIUzI1NiJ9".repeat(2)}.eyJ${"zdWIiOiJhZ2VudCJ9"}.c2lnbmF0dXJl-_`;
const OPAQUE = "a1B2c3-opaque.token";

it.each([
  ["a key", makeSecret("key").text],
  ["a session", makeSecret("session").text],
  ["a sign-in link's token", makeSecret("sign_in").text],
  ["a key in capitals", makeSecret("key").text.toUpperCase()],
  ["a percent-encoded key", [...makeSecret("key").text].map((c) => `%${c.charCodeAt(0).toString(16)}`).join("")],
  ["a key with an encoded underscore", makeSecret("key").text.replace("_", "%5F")],
  ["an unknown token after Bearer", `Bearer ${OPAQUE}`],
  ["one in a form", `bearer+${OPAQUE}`],
  ["one in an address", `BEARER%20${OPAQUE}`],
  ["a JSON Web Token", JWT],
  ["a JSON Web Token without a signature", JWT.split(".").slice(0, 2).join(".")],
])("leaves nothing of %s in a text, whatever surrounds it", (_, secret) => {
  for (const text of [secret, `x=${secret}&y=1`, JSON.stringify({ deep: [`"${secret}"`] }), `${secret} ${secret}`]) {
    expect(holdsSecret(text)).toBe(true);
    const shown = redact(text);
    expect(shown).toContain("(not logged)");
    expect(shown).not.toContain(secret.slice(-9));
    expect(shown).not.toContain(OPAQUE);
  }
});

it("leaves a log line that holds one the JSON that it was", () => {
  const line = JSON.stringify({ message: `Authorization: Bearer ${OPAQUE}`, next: "stays" });
  expect(JSON.parse(redact(line))).toEqual({ message: "Authorization: (not logged)", next: "stays" });
});

it.each(["dk_short", "bearer", "TASK-001", "eyJ is how tokens begin", "deck_of_cards", "Fix dk_ prefixes"])(
  "leaves other texts as they are: %s",
  (text) => {
    expect([redact(text), holdsSecret(text)]).toEqual([text, false]);
  },
);
