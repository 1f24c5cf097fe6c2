import { generateKeyPairSync } from "node:crypto";
import { type JWTPayload, SignJWT } from "jose";

/** An identity provider: what a server needs to know of it, and tokens of one subject, `ada`. */
export function testIssuer() {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return {
    env: {
      DOCKET_JWT_ISSUER: "https://id.example",
      DOCKET_JWT_AUDIENCE: "docket",
      DOCKET_JWT_PUBLIC_KEY: publicKey.export({ type: "spki", format: "pem" }).toString().replaceAll("\n", "\\n"),
    },
    token: (claims: JWTPayload) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: "RS256" })
        .setSubject("ada")
        .setIssuer("https://id.example")
        .setAudience("docket")
        .setExpirationTime("5m")
        .sign(privateKey),
  };
}
