import { createPublicKey } from "node:crypto";
import { isIP } from "node:net";
import { resolve } from "node:path";
import { loadEnvFile } from "node:process";
import { z } from "zod";

/** Everything that can be set from outside, with its defaults filled in. */
export interface Config {
  readonly http: HttpConfig;
  readonly database: {
    /** null: the PostgreSQL that comes with Docket, in `home`. */
    readonly url: string | null;
    /** The login that owns the tables and migrates; the same as `url` unless given. */
    readonly ownerUrl: string | null;
    /** Pooled connections at most. */
    readonly poolSize: number;
    /** How long one request may hold connections, in seconds. */
    readonly requestSeconds: number;
  };
  /** Absolute path of the folder with the first keys and the embedded database. */
  readonly home: string;
  readonly log: { readonly level: (typeof LOG_LEVELS)[number] };
  readonly delivery: {
    /** Milliseconds between two drains of what other processes left in the inbox. */
    readonly drainIntervalMs: number;
    /** Streams that one key and client id may have open on this process. */
    readonly streamsPerClient: number;
  };
  /** The background jobs of this process. */
  readonly jobs: readonly (typeof JOBS)[number][];
  /** Months after which the oldest part of the log is taken out of it. */
  readonly logMonths: number;
  /** null: events go to no bus. */
  readonly nats: NatsConfig | null;
  readonly webhooks: {
    /** Private addresses and networks (CIDR) that webhooks may be sent to; none otherwise. */
    readonly privateNetworks: readonly string[];
  };
  /** null: only API keys are accepted. */
  readonly jwt: JwtConfig | null;
}

export interface HttpConfig {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Names beside `host`, localhost and IP addresses by which clients may call this server. */
  readonly allowedHosts: readonly string[];
  /** Web pages of these origins may call `/graphql`. */
  readonly corsOrigins: readonly string[];
  /** WebSockets that one key may have open on this process. */
  readonly socketsPerKey: number;
}

export interface NatsConfig {
  /** nats://, tls://, ws:// or wss://; any of them will do. */
  readonly servers: readonly string[];
  /** Absolute path of a credentials file (JWT and NKey seed); null: none, or what the addresses hold. */
  readonly credentialsFile: string | null;
  /** The JetStream stream that takes the events; made when it is not there. */
  readonly stream: string;
  /** Subject of an event, with {project}, {noun} and {action} filled in. */
  readonly subject: string;
}

export interface JwtConfig {
  readonly issuer: string;
  readonly audience: string;
  /** The one algorithm that is accepted; always an asymmetric one. */
  readonly algorithm: string;
  readonly key: { readonly jwksUrl: URL } | { readonly publicKeyPem: string };
}

/** Settings that cannot work; the message lists every fault, one per line. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

const JOBS = ["bus", "webhooks", "expiry", "retention"] as const;
const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
// A shared secret (HS256 …) is left out on purpose: a public key must never pass for one.
const JWT_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];

const wholeNumber = (least: number, most: number) =>
  z
    .string()
    .refine(
      (text) => /^\d+$/.test(text) && Number(text) >= least && Number(text) <= most,
      `must be a whole number from ${least} to ${most}`,
    )
    .transform(Number);
const postgresUrl = z.string().refine(isPostgresUrl, "must look like postgresql://user:password@host:5432/database");
const list = z
  .string()
  .transform((text) => text.split(",").map((item) => item.trim()))
  .transform((items) => items.filter((item) => item !== ""));

const Environment = z
  .object({
    PORT: wholeNumber(0, 65_535).default(4000),
    HOST: z.string().default("127.0.0.1"),
    DOCKET_ALLOWED_HOSTS: list.default([]),
    DOCKET_CORS_ORIGINS: list
      .refine(
        (origins) => origins.every(isOrigin),
        "must be a comma-separated list of origins like https://example.com",
      )
      .default([]),
    DATABASE_URL: postgresUrl.optional(),
    DATABASE_OWNER_URL: postgresUrl.optional(),
    DOCKET_POOL_SIZE: wholeNumber(2, 25).default(25),
    DOCKET_REQUEST_SECONDS: wholeNumber(1, 3_600).default(15),
    DOCKET_HOME: z.string().default(".docket"),
    LOG_LEVEL: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(", ")}`).default("info"),
    DOCKET_DRAIN_INTERVAL_MS: wholeNumber(10, 60_000).default(250),
    DOCKET_STREAMS_PER_CLIENT: wholeNumber(1, 100_000).default(3),
    DOCKET_SOCKETS_PER_KEY: wholeNumber(1, 100_000).default(100),
    DOCKET_JOBS: list
      .pipe(z.array(z.enum(["none", ...JOBS], `must be "none" or some of ${JOBS.join(", ")}, separated by commas`)))
      .default([...JOBS]),
    DOCKET_LOG_MONTHS: wholeNumber(1, 1200).default(24),
    DOCKET_NATS_URL: list
      .refine(
        (urls) => urls.every((url) => /^(nats|tls|wss?):$/.test(URL.parse(url)?.protocol ?? "")),
        "must be addresses like nats://localhost:4222, separated by commas",
      )
      .default([]),
    DOCKET_NATS_CREDENTIALS: z.string().optional(),
    DOCKET_NATS_STREAM: z
      .string()
      .regex(/^[^\s.*>/\\]{1,255}$/, "must be the name of a stream, without spaces, dots, slashes, * and >")
      .default("DOCKET"),
    DOCKET_NATS_SUBJECT: z
      .string()
      .refine(
        isSubjectPattern,
        "must be a subject like docket.{project}.{noun}.{action}, with {noun} and {action} in it",
      )
      .default("docket.{project}.{noun}.{action}"),
    DOCKET_WEBHOOK_PRIVATE_NETWORKS: list
      .refine(
        (networks) => networks.every(isNetwork),
        "must be addresses or networks like 10.0.0.0/8, separated by commas",
      )
      .default([]),
    DOCKET_JWT_ISSUER: z.string().optional(),
    DOCKET_JWT_AUDIENCE: z.string().optional(),
    DOCKET_JWT_ALGORITHM: z.enum(JWT_ALGORITHMS, `must be one of ${JWT_ALGORITHMS.join(", ")}`).default("RS256"),
    DOCKET_JWT_JWKS_URL: z.url({ protocol: /^https?$/, error: "must be an http or https address" }).optional(),
    DOCKET_JWT_PUBLIC_KEY: z
      .string()
      .transform((pem) => pem.replaceAll("\\n", "\n"))
      .refine((pem) => keyType(pem) !== undefined, "must be a public key in PEM form (line breaks may be written \\n)")
      .optional(),
  })
  .superRefine((env, { addIssue }) => {
    const fault = (name: string, message: string) => addIssue({ code: "custom", path: [name], message });
    if (env.DATABASE_OWNER_URL && !env.DATABASE_URL) fault("DATABASE_OWNER_URL", "needs DATABASE_URL beside it");
    const jwt = [env.DOCKET_JWT_ISSUER, env.DOCKET_JWT_AUDIENCE, env.DOCKET_JWT_JWKS_URL, env.DOCKET_JWT_PUBLIC_KEY];
    if (jwt.every((setting) => setting === undefined)) return;
    if (!env.DOCKET_JWT_ISSUER) fault("DOCKET_JWT_ISSUER", "is needed to accept tokens");
    if (!env.DOCKET_JWT_AUDIENCE) fault("DOCKET_JWT_AUDIENCE", "is needed to accept tokens");
    if (!env.DOCKET_JWT_JWKS_URL === !env.DOCKET_JWT_PUBLIC_KEY)
      fault("DOCKET_JWT_JWKS_URL", "or DOCKET_JWT_PUBLIC_KEY is needed to accept tokens, and only one of them");
    const type = env.DOCKET_JWT_PUBLIC_KEY && keyType(env.DOCKET_JWT_PUBLIC_KEY);
    if (type && !KEY_TYPES[env.DOCKET_JWT_ALGORITHM.slice(0, 2)]?.includes(type))
      fault(
        "DOCKET_JWT_PUBLIC_KEY",
        `is a key of type ${type}, which DOCKET_JWT_ALGORITHM ${env.DOCKET_JWT_ALGORITHM} does not use`,
      );
  });

/** The configuration of this process, from its environment and an `.env` file in the current folder. */
export function loadConfig(): Config {
  try {
    loadEnvFile();
  } catch (error) {
    // No such file is the usual case.
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
  const config = readConfig(process.env);
  if (config.database.url === null) forgetOtherServers();
  return config;
}

/** PGSSLMODE, PGOPTIONS and their like are meant for other servers; every connection of ours would follow them. */
function forgetOtherServers(): void {
  for (const name of Object.keys(process.env)) if (name.startsWith("PG")) delete process.env[name];
}

/** @throws ConfigError naming every setting that cannot work. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  // `NAME=` in a shell or a compose file means "not set".
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value?.trim()));
  const parsed = Environment.safeParse(given);
  if (!parsed.success) throw new ConfigError(describeFaults(parsed.error, given));
  const env = parsed.data;
  return {
    http: {
      host: env.HOST,
      port: env.PORT,
      allowedHosts: env.DOCKET_ALLOWED_HOSTS.map((host) => host.toLowerCase()),
      corsOrigins: env.DOCKET_CORS_ORIGINS,
      socketsPerKey: env.DOCKET_SOCKETS_PER_KEY,
    },
    database: {
      url: env.DATABASE_URL ?? null,
      ownerUrl: env.DATABASE_OWNER_URL ?? env.DATABASE_URL ?? null,
      poolSize: env.DOCKET_POOL_SIZE,
      requestSeconds: env.DOCKET_REQUEST_SECONDS,
    },
    home: resolve(env.DOCKET_HOME),
    log: { level: env.LOG_LEVEL },
    delivery: { drainIntervalMs: env.DOCKET_DRAIN_INTERVAL_MS, streamsPerClient: env.DOCKET_STREAMS_PER_CLIENT },
    jobs: JOBS.filter((job) => env.DOCKET_JOBS.includes(job)),
    logMonths: env.DOCKET_LOG_MONTHS,
    nats: natsConfig(env),
    webhooks: { privateNetworks: env.DOCKET_WEBHOOK_PRIVATE_NETWORKS },
    jwt: jwtConfig(env),
  };
}

function jwtConfig(env: z.output<typeof Environment>): JwtConfig | null {
  const { DOCKET_JWT_ISSUER: issuer, DOCKET_JWT_AUDIENCE: audience, DOCKET_JWT_ALGORITHM: algorithm } = env;
  if (!issuer || !audience) return null;
  if (env.DOCKET_JWT_JWKS_URL)
    return { issuer, audience, algorithm, key: { jwksUrl: new URL(env.DOCKET_JWT_JWKS_URL) } };
  if (env.DOCKET_JWT_PUBLIC_KEY)
    return { issuer, audience, algorithm, key: { publicKeyPem: env.DOCKET_JWT_PUBLIC_KEY } };
  return null;
}

function natsConfig(env: z.output<typeof Environment>): NatsConfig | null {
  if (env.DOCKET_NATS_URL.length === 0) return null;
  return {
    servers: env.DOCKET_NATS_URL,
    credentialsFile: env.DOCKET_NATS_CREDENTIALS ? resolve(env.DOCKET_NATS_CREDENTIALS) : null,
    stream: env.DOCKET_NATS_STREAM,
    subject: env.DOCKET_NATS_SUBJECT,
  };
}

/** Values that may be shown; URLs of databases hold passwords. */
const SHOWN = new Set([
  "PORT",
  "HOST",
  "LOG_LEVEL",
  "DOCKET_POOL_SIZE",
  "DOCKET_REQUEST_SECONDS",
  "DOCKET_DRAIN_INTERVAL_MS",
  "DOCKET_STREAMS_PER_CLIENT",
  "DOCKET_SOCKETS_PER_KEY",
  "DOCKET_JOBS",
  "DOCKET_LOG_MONTHS",
  "DOCKET_NATS_STREAM",
  "DOCKET_NATS_SUBJECT",
  "DOCKET_WEBHOOK_PRIVATE_NETWORKS",
]);

function describeFaults(error: z.ZodError, given: Readonly<Record<string, string | undefined>>): string {
  const faults = error.issues.map(({ path, message }) => {
    const name = String(path[0]);
    return `  ${name} ${message}${SHOWN.has(name) ? `, not ${JSON.stringify(given[name])}` : ""}.`;
  });
  return ["Docket cannot start with these settings:", ...faults].join("\n");
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

function isPostgresUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^postgres(ql)?:$/.test(url.protocol) && url.pathname.length > 1;
}

/** Tokens of letters, digits, - and _, or of the placeholders; an event's noun and action must tell its type. */
function isSubjectPattern(text: string): boolean {
  const tokens = text.split(".");
  return (
    tokens.every((token) => /^([\w-]|\{(project|noun|action)\})+$/.test(token)) &&
    ["{noun}", "{action}"].every((part) => text.includes(part))
  );
}

function isNetwork(text: string): boolean {
  const [address = "", bits, ...more] = text.split("/");
  const version = isIP(address);
  if (version === 0 || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.origin === text.toLowerCase();
}
