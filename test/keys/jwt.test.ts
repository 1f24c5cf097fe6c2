import { createHmac, generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, type JWTPayload, SignJWT } from "jose";
import { describe, expect, onTestFinished, test } from "vitest";
import { startTestServer } from "../support/server.ts";

const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
const settings = { DOCKET_JWT_ISSUER: "https://id.example", DOCKET_JWT_AUDIENCE: "docket" };

function sign(claims: JWTPayload, { alg = "RS256", audience = "docket", issuer = "https://id.example" } = {}) {
  return new SignJWT(claims)
    .setProtectedHeader({ alg, kid: "k1" })
    .setSubject("ada")
    .setIssuer(issuer)
    .setAudience(audience)
    .setExpirationTime(claims.exp ?? "5m")
    .sign(privateKey);
}

const start = () => startTestServer({ env: { ...settings, DOCKET_JWT_PUBLIC_KEY: pem.replaceAll("\n", "\\n") } });

describe("a token", () => {
  test("stands for its subject with the role and projects it names", async () => {
    const { ask } = await start();
    const key = await sign({ docket_role: "reader", docket_projects: ["alpha"], name: "Ada" });
    expect(await ask("{ viewer { actor name role projectIds } }", {}, { key })).toEqual({
      viewer: { actor: "jwt/ada", name: "Ada", role: "READER", projectIds: ["alpha"] },
    });
  });

  test("is refused when it is for somebody else, too old, or says nothing of its role", async () => {
    const { gql } = await start();
    const claims = { docket_role: "admin" };
    const tokens = [
      await sign(claims, { audience: "other" }),
      await sign(claims, { issuer: "https://evil.example" }),
      await sign(claims, { alg: "RS512" }),
      await sign({ ...claims, exp: Math.floor(Date.now() / 1000) - 60 }),
      await sign({}),
      await sign({ docket_role: "root" }),
      await sign({ ...claims, docket_projects: "alpha" }),
    ];
    for (const key of tokens)
      expect((await gql("{ viewer { role } }", {}, { key })).errors).toMatchObject([
        { message: expect.stringMatching(/^This token/), extensions: { code: "UNAUTHENTICATED" } },
      ]);
  });

  test("cannot pass the public key off as a shared secret, nor do without a signature", async () => {
    const { gql } = await start();
    const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
    const claims = { sub: "eve", iss: "https://id.example", aud: "docket", exp: 4e9, docket_role: "admin" };
    const body = `${encode({ alg: "HS256" })}.${encode(claims)}`;
    const forged = `${body}.${createHmac("sha256", pem).update(body).digest("base64url")}`;
    const unsigned = `${encode({ alg: "none" })}.${encode(claims)}.`;
    for (const key of [forged, unsigned])
      expect((await gql("{ viewer { role } }", {}, { key })).errors).toMatchObject([
        { extensions: { code: "UNAUTHENTICATED" } },
      ]);
  });

  test("is made with a shared secret where one is set, and with no other key then", async () => {
    const secret = "a secret of thirty-two characters";
    const env = { ...settings, DOCKET_JWT_ALGORITHM: "HS256", DOCKET_JWT_SECRET: secret };
    const { ask, gql } = await startTestServer({ env });
    const by = (key: string, alg = "HS256") =>
      new SignJWT({ docket_role: "reader" })
        .setProtectedHeader({ alg })
        .setSubject("ada")
        .setIssuer("https://id.example")
        .setAudience("docket")
        .setExpirationTime("5m")
        .sign(Buffer.from(key));
    expect(await ask("{ viewer { actor } }", {}, { key: await by(secret) })).toEqual({ viewer: { actor: "jwt/ada" } });
    const others = [await by(`${secret}!`), await by(secret, "HS512"), await sign({ docket_role: "reader" })];
    for (const key of others)
      expect((await gql("{ viewer { actor } }", {}, { key })).errors).toMatchObject([
        { extensions: { code: "UNAUTHENTICATED" } },
      ]);
  });

  test("is checked with the issuer's published keys; when those cannot be had, the fault is not the token's", async () => {
    const jwk = { ...(await exportJWK(publicKey)), kid: "k1", alg: "RS256" };
    let status = 500;
    const issuer = createServer((_, response) => response.writeHead(status).end(JSON.stringify({ keys: [jwk] })));
    await new Promise<void>((done) => issuer.listen(0, "127.0.0.1", done));
    onTestFinished(() => void issuer.close());
    const { port } = issuer.address() as AddressInfo;
    const { gql } = await startTestServer({
      env: { ...settings, DOCKET_JWT_JWKS_URL: `http://127.0.0.1:${port}/keys` },
    });
    const key = await sign({ docket_role: "agent" });
    expect((await gql("{ viewer { role } }", {}, { key })).errors).toMatchObject([
      { extensions: { code: "INTERNAL" } },
    ]);
    status = 200;
    expect((await gql("{ viewer { role } }", {}, { key })).data).toEqual({ viewer: { role: "AGENT" } });
  });

  test("means nothing to a server that was not told whom to trust", async () => {
    const { gql } = await startTestServer();
    const key = await sign({ docket_role: "admin" });
    expect((await gql("{ viewer { role } }", {}, { key })).errors).toMatchObject([
      { message: expect.stringMatching(/begins with dk_/), extensions: { code: "UNAUTHENTICATED" } },
    ]);
  });
});
