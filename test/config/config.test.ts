import { generateKeyPairSync } from "node:crypto";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { ConfigError, readConfig } from "../../src/config/config.ts";

const ed25519 = generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" }).toString();

const SECRET = "x".repeat(32);

describe("the configuration", () => {
  test("needs nothing to be set", () => {
    expect(readConfig({})).toEqual({
      http: {
        host: "127.0.0.1",
        port: 4000,
        allowedHosts: [],
        corsOrigins: [],
        trustedProxies: [],
        socketsPerKey: 100,
      },
      limits: { fieldsPerMinute: 12_000, reservationsPerMinute: 600, failedSignInsPerMinute: 60, burst: 200 },
      database: { url: null, ownerUrl: null, poolSize: 25, requestSeconds: 15 },
      home: resolve(".docket"),
      logger: { level: "info" },
      log: { drainIntervalMs: 250, streamsPerClient: 3, keptMonths: 24 },
      traces: null,
      trustedDocuments: null,
      tasks: { archiveAfterDays: 365 },
      jobs: ["bus", "webhooks", "leases", "reservations", "recurrences", "pauses", "reminders", "archive", "retention"],
      nats: null,
      webhooks: { privateNetworks: [] },
      jwt: null,
      metrics: null,
    });
  });

  test("sends traces where OpenTelemetry's own variables say, to the path of OTLP unless the whole address is given", () => {
    const collector = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318/" };
    expect(readConfig(collector).traces).toEqual({
      url: "http://collector:4318/v1/traces",
      serviceName: "docket",
      sampler: "parentbased_always_on",
      ratio: 1,
    });
    const whole = { ...collector, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://traces.example/in" };
    const sampled = { ...whole, OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.25" };
    expect(readConfig(sampled).traces).toMatchObject({ url: "https://traces.example/in", ratio: 0.25 });
    expect(readConfig({ ...collector, OTEL_SDK_DISABLED: "True" }).traces).toBe(null);
    expect(readConfig({ ...collector, OTEL_TRACES_EXPORTER: "none" }).traces).toBe(null);
    const faulty = { OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318", OTEL_TRACES_SAMPLER: "some" };
    expect(() => readConfig(faulty)).toThrow(/OTEL_EXPORTER_OTLP_ENDPOINT must be.*OTEL_TRACES_SAMPLER must be/s);
    for (const part of ["1.01", "-0.1", "half"])
      expect(() => readConfig({ OTEL_TRACES_SAMPLER_ARG: part })).toThrow("must be a number from 0 to 1");
  });

  test("switches jobs and the bus on and off, and checks where events may go", () => {
    const config = readConfig({
      DOCKET_JOBS: "retention, webhooks",
      DOCKET_NATS_URL: "nats://a:4222,tls://b",
      DOCKET_NATS_SUBJECT: "taskflow.{noun}.{action}",
      DOCKET_WEBHOOK_PRIVATE_NETWORKS: "10.0.0.0/8, ::1",
    });
    expect(config.jobs).toEqual(["webhooks", "leases", "recurrences", "pauses", "reminders", "archive", "retention"]);
    expect(config.nats).toEqual({
      servers: ["nats://a:4222", "tls://b"],
      credentialsFile: null,
      stream: "DOCKET",
      subject: "taskflow.{noun}.{action}",
    });
    expect(config.webhooks.privateNetworks).toEqual(["10.0.0.0/8", "::1"]);
    expect(readConfig({ DOCKET_JOBS: "none" }).jobs).toEqual([]);
    expect(readConfig({ DOCKET_JOBS: "-webhooks, -expiry" }).jobs).toEqual([
      "bus",
      "leases",
      "recurrences",
      "pauses",
      "reminders",
      "archive",
      "retention",
    ]);
    expect(() => readConfig({ DOCKET_JOBS: "-dishes" })).toThrow("DOCKET_JOBS must be");
    const faulty = () =>
      readConfig({
        DOCKET_JOBS: "dishes",
        DOCKET_NATS_URL: "http://a",
        DOCKET_NATS_SUBJECT: "docket.>",
        DOCKET_NATS_STREAM: "a.b",
        DOCKET_WEBHOOK_PRIVATE_NETWORKS: "10.0.0.0/40",
        DOCKET_TRUSTED_PROXIES: "proxy.example",
        DOCKET_METRICS_FROM: "10.0.0.0/x",
        DOCKET_LIMIT_BURST: "0",
      });
    const names = [
      "JOBS",
      "NATS_URL",
      "NATS_SUBJECT",
      "NATS_STREAM",
      "WEBHOOK_PRIVATE_NETWORKS",
      "TRUSTED_PROXIES",
      "METRICS_FROM",
      "LIMIT_BURST",
    ];
    for (const name of names) expect(faulty).toThrow(`DOCKET_${name} must be`);
    expect(() => readConfig({ DOCKET_METRICS_KEY: "short" })).toThrow("must have at least 16 characters.");
  });

  test.each([
    [
      "bus,webhooks,expiry,retention",
      ["bus", "webhooks", "leases", "reservations", "recurrences", "pauses", "reminders", "archive", "retention"],
    ],
    ["expiry,bus", ["bus", "leases", "reservations", "recurrences", "pauses", "reminders", "archive"]],
    ["bus, -leases", ["bus", "recurrences", "pauses", "reminders", "archive"]],
    ["bus,leases,-bus", ["leases", "recurrences", "pauses", "reminders", "archive"]],
    ["leases", ["leases", "recurrences", "pauses", "reminders", "archive"]],
    ["none", []],
    ["none,leases", ["leases"]],
    ["none,webhooks", ["webhooks"]],
  ])("lets DOCKET_JOBS=%s switch off no job that there was not when it was written", (given, running) => {
    expect(readConfig({ DOCKET_JOBS: given }).jobs).toEqual(running);
  });

  test("takes what is set, lists apart at their commas, and nothing for not set", () => {
    const config = readConfig({
      PORT: "8080",
      HOST: "0.0.0.0",
      DATABASE_URL: "postgres://docket:pw@db.example/docket",
      DOCKET_ALLOWED_HOSTS: "docket.example.com, Board.example ,",
      DOCKET_CORS_ORIGINS: "https://board.example",
      DOCKET_POOL_SIZE: " ",
      LOG_LEVEL: "",
    });
    expect(config.http).toEqual({
      host: "0.0.0.0",
      port: 8080,
      allowedHosts: ["docket.example.com", "board.example"],
      corsOrigins: ["https://board.example"],
      trustedProxies: [],
      socketsPerKey: 100,
    });
    expect(config.database.ownerUrl).toBe(config.database.url);
    expect(config.database.poolSize).toBe(25);
  });

  test("names every fault at once, and no password", () => {
    const faulty = () =>
      readConfig({
        PORT: "eighty",
        LOG_LEVEL: "loud",
        DOCKET_POOL_SIZE: "26",
        DATABASE_URL: "mysql://root:hunter2@db/docket",
        DOCKET_CORS_ORIGINS: "https://board.example/",
        DOCKET_JWT_ALGORITHM: "HS256",
      });
    expect(faulty).toThrow(ConfigError);
    expect(faulty).toThrow(
      [
        "Docket cannot start with these settings:",
        '  PORT must be a whole number from 0 to 65535, not "eighty".',
        "  DOCKET_CORS_ORIGINS must be a comma-separated list of origins like https://example.com.",
        "  DATABASE_URL must look like postgresql://user:password@host:5432/database.",
        '  DOCKET_POOL_SIZE must be a whole number from 2 to 25, not "26".',
        '  LOG_LEVEL must be one of trace, debug, info, warn, error, fatal, silent, not "loud".',
        "  DOCKET_JWT_ALGORITHM must be HS256 with DOCKET_JWT_SECRET, and only with that.",
      ].join("\n"),
    );
    expect(faulty).not.toThrow("hunter2");
  });

  test.each([
    [
      { DOCKET_JWT_ISSUER: "i" },
      ["DOCKET_JWT_AUDIENCE is needed", "DOCKET_JWT_JWKS_URL or DOCKET_JWT_PUBLIC_KEY is needed"],
    ],
    [{ DOCKET_JWT_PUBLIC_KEY: "not a key" }, ["DOCKET_JWT_PUBLIC_KEY must be a public key in PEM form"]],
    [{ DOCKET_JWT_PUBLIC_KEY: ed25519 }, ["is a key of type ed25519, which DOCKET_JWT_ALGORITHM RS256 does not use"]],
    [{ DOCKET_JWT_SECRET: SECRET }, ["DOCKET_JWT_ALGORITHM must be HS256 with DOCKET_JWT_SECRET, and only with that"]],
    [
      { DOCKET_JWT_SECRET: SECRET.slice(1), DOCKET_JWT_ALGORITHM: "HS256" },
      ["DOCKET_JWT_SECRET must have at least 32"],
    ],
    [
      { DOCKET_JWT_SECRET: SECRET, DOCKET_JWT_ALGORITHM: "HS256", DOCKET_JWT_JWKS_URL: "https://id.example/keys" },
      ["or DOCKET_JWT_SECRET, and only one of them"],
    ],
    [{ DATABASE_OWNER_URL: "postgres://o@db/docket" }, ["DATABASE_OWNER_URL needs DATABASE_URL beside it"]],
  ])("knows which settings need each other: %o", (environment, faults) => {
    for (const fault of faults) expect(() => readConfig(environment)).toThrow(fault);
  });

  test("names what is wrong between settings of one concern beside what is wrong in another", () => {
    const faulty = () => readConfig({ PORT: "eighty", DATABASE_OWNER_URL: "postgres://o@db/docket" });
    expect(faulty).toThrow("PORT must be");
    expect(faulty).toThrow("DATABASE_OWNER_URL needs DATABASE_URL beside it");
  });
});
