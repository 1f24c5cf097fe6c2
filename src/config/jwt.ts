import { createPublicKey } from "node:crypto";
import { z } from "zod";
import { setting } from "./setting.ts";

/** The one algorithm of a shared secret; never together with public keys, which must not pass for one. */
const SHARED = "HS256";
/** As long as what it makes of a token, in characters. */
const SHORTEST_SECRET = 32;
const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", SHARED];

export type JwtConfig = NonNullable<z.output<typeof jwt>>;

/** Whose tokens are accepted beside API keys; null: nobody's. */
export const jwt = z
  .object({
    DOCKET_JWT_ISSUER: setting(z.string().optional(), {
      meaning:
        "accept tokens of this identity provider beside API keys: claims `sub`, `docket_role` and `docket_projects`",
      unset: "only API keys",
    }),
    DOCKET_JWT_AUDIENCE: setting(z.string().optional(), { meaning: "the audience that they must be made for" }),
    DOCKET_JWT_ALGORITHM: setting(z.enum(ALGORITHMS, `must be one of ${ALGORITHMS.join(", ")}`).default("RS256"), {
      meaning: "the one algorithm that is accepted; `HS256` is for `DOCKET_JWT_SECRET` alone",
    }),
    DOCKET_JWT_JWKS_URL: setting(
      z.url({ protocol: /^https?$/, error: "must be an http or https address" }).optional(),
      { meaning: "where the provider publishes its keys" },
    ),
    DOCKET_JWT_PUBLIC_KEY: setting(
      z
        .string()
        .transform((pem) => pem.replaceAll("\\n", "\n"))
        .refine(
          (pem) => keyType(pem) !== undefined,
          "must be a public key in PEM form (line breaks may be written \\n)",
        )
        .optional(),
      { meaning: "or its one public key, in PEM form; line breaks may be written `\\n`" },
    ),
    DOCKET_JWT_SECRET: setting(
      z.string().min(SHORTEST_SECRET, `must have at least ${SHORTEST_SECRET} characters`).optional(),
      {
        meaning:
          "or the secret that it shares with this server, with `DOCKET_JWT_ALGORITHM=HS256`: whoever has it can make " +
          "tokens, so prefer public keys",
      },
    ),
  })
  .superRefine((env, { addIssue }) => {
    const fault = (name: string, message: string) => addIssue({ code: "custom", path: [name], message });
    const keys = [env.DOCKET_JWT_JWKS_URL, env.DOCKET_JWT_PUBLIC_KEY, env.DOCKET_JWT_SECRET];
    if ((env.DOCKET_JWT_ALGORITHM === SHARED) !== (env.DOCKET_JWT_SECRET !== undefined))
      fault("DOCKET_JWT_ALGORITHM", "must be HS256 with DOCKET_JWT_SECRET, and only with that");
    const jwt = [env.DOCKET_JWT_ISSUER, env.DOCKET_JWT_AUDIENCE, ...keys];
    if (jwt.every((setting) => setting === undefined)) return;
    if (!env.DOCKET_JWT_ISSUER) fault("DOCKET_JWT_ISSUER", "is needed to accept tokens");
    if (!env.DOCKET_JWT_AUDIENCE) fault("DOCKET_JWT_AUDIENCE", "is needed to accept tokens");
    if (keys.filter((key) => key !== undefined).length !== 1)
      fault(
        "DOCKET_JWT_JWKS_URL",
        "or DOCKET_JWT_PUBLIC_KEY is needed to accept tokens, or DOCKET_JWT_SECRET, and only one of them",
      );
    const type = env.DOCKET_JWT_PUBLIC_KEY && keyType(env.DOCKET_JWT_PUBLIC_KEY);
    if (type && !KEY_TYPES[env.DOCKET_JWT_ALGORITHM.slice(0, 2)]?.includes(type))
      fault(
        "DOCKET_JWT_PUBLIC_KEY",
        `is a key of type ${type}, which DOCKET_JWT_ALGORITHM ${env.DOCKET_JWT_ALGORITHM} does not use`,
      );
  })
  .transform((env) => {
    const { DOCKET_JWT_ISSUER: issuer, DOCKET_JWT_AUDIENCE: audience, DOCKET_JWT_ALGORITHM: algorithm } = env;
    const key = keyOf(env.DOCKET_JWT_JWKS_URL, env.DOCKET_JWT_PUBLIC_KEY, env.DOCKET_JWT_SECRET);
    return issuer && audience && key ? { issuer, audience, algorithm, key } : null;
  })
  .readonly();

type Key = { readonly jwksUrl: URL } | { readonly publicKeyPem: string } | { readonly secret: string };

function keyOf(jwksUrl?: string, publicKeyPem?: string, secret?: string): Key | undefined {
  if (jwksUrl) return { jwksUrl: new URL(jwksUrl) };
  if (publicKeyPem) return { publicKeyPem };
  return secret ? { secret } : undefined;
}

/** The types of key that each family of algorithms works with. */
const KEY_TYPES: Readonly<Record<string, readonly string[]>> = {
  RS: ["rsa"],
  PS: ["rsa", "rsa-pss"],
  ES: ["ec"],
  Ed: ["ed25519"],
};

function keyType(pem: string): string | undefined {
  try {
    return createPublicKey(pem).asymmetricKeyType;
  } catch {
    return undefined;
  }
}
