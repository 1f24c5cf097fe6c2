import { createPublicKey, createSecretKey, type KeyObject } from "node:crypto";
import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import { z } from "zod";
import { ROLES, type Viewer } from "../access/viewer.ts";
import type { JwtConfig } from "../config/jwt.ts";
import { unauthenticated } from "../errors.ts";

/** What Docket reads of a token beside the registered claims. Without `docket_projects`: every project. */
const Claims = z.object({
  sub: z.string().min(1),
  exp: z.number(),
  name: z.string().optional(),
  docket_role: z.enum(ROLES),
  docket_projects: z.array(z.string()).min(1).optional(),
});

/**
 * Makes the check of a token's signature, issuer, audience, time and claims.
 * @returns a function that throws UNAUTHENTICATED; any other error when the keys cannot be fetched.
 */
export function createTokenVerifier({ issuer, audience, algorithm, key }: JwtConfig) {
  // The one algorithm is pinned: a token chooses neither "none" nor a public key as a shared secret.
  const options = { issuer, audience, algorithms: [algorithm], requiredClaims: ["sub", "exp"] };

  const verify = verifyBy(key, options);

  return async (token: string, client: string | null): Promise<Viewer> => {
    const claims = Claims.safeParse(await verify(token));
    if (!claims.success) {
      const names = [...new Set(claims.error.issues.map(({ path }) => path[0]))].join(", ");
      throw unauthenticated(
        `This token lacks what Docket needs or has it in another form: ${names}. ` +
          "It needs docket_role (reader, agent or admin), and may limit docket_projects to a list of project ids.",
      );
    }
    const { sub, exp, name, docket_role: role, docket_projects: projectIds } = claims.data;
    return {
      actor: `jwt/${sub}`,
      name: name ?? sub,
      client,
      keyId: null,
      role,
      projectIds: projectIds ?? null,
      expiresAt: new Date(exp * 1000),
    };
  };
}

type Verify = (token: string) => Promise<JWTPayload>;

function verifyBy(key: JwtConfig["key"], options: Parameters<typeof jwtVerify>[2]): Verify {
  const keyOf = keysOf(key);
  return async (token) => {
    try {
      return (await jwtVerify(token, keyOf, options)).payload;
    } catch (error) {
      if (error instanceof errors.JOSEError && !UNREACHABLE.has(error.code))
        throw unauthenticated(`This token is not accepted: ${error.message}.`);
      throw error;
    }
  };
}

function keysOf(key: JwtConfig["key"]): JWTVerifyGetKey {
  if ("jwksUrl" in key) return createRemoteJWKSet(key.jwksUrl);
  return always("secret" in key ? createSecretKey(key.secret, "utf8") : createPublicKey(key.publicKeyPem));
}

function always(key: KeyObject): JWTVerifyGetKey {
  return async () => key;
}

/** The issuer's keys could not be fetched: nothing is wrong with the token. */
const UNREACHABLE = new Set(["ERR_JWKS_TIMEOUT", "ERR_JOSE_GENERIC"]);
