import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { readConfig, SETTINGS } from "../../src/config/config.ts";
import { JOB_NAMES } from "../../src/config/jobs.ts";

interface Service {
  readonly image: string;
  readonly build?: string | object;
  readonly user?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string | null>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test?: string; readonly disable?: boolean };
  readonly cap_add?: readonly string[];
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

interface Prometheus {
  readonly scrape_configs: readonly { readonly static_configs?: readonly { readonly targets: readonly string[] }[] }[];
}

const text = await readFile("docker-compose.yml", "utf8");
const VARIABLE = /\$\{(?<name>\w+)(?::-(?<unset>[^}]*))?\}/g;

/** As Compose reads it, with these variables set. */
function read(source: string, variables: Readonly<Record<string, string>> = {}): Compose {
  const given = (...[, name = "", unset = ""]: string[]) => variables[name] ?? unset;
  const { services, volumes } = parse(source.replace(VARIABLE, given), { merge: true });
  return { services, volumes };
}

/** What a process finds; a variable without a value is as it is outside. */
const settingsOf = (environment: Service["environment"] = {}, outside: Readonly<Record<string, string>> = {}) =>
  Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, value ?? outside[name]]));

const compose = read(text);
const services = Object.entries(compose.services);
const docket = services.filter(([, { build }]) => build !== undefined);

const schemaFile = new URL("../schemas/compose.schema.json", import.meta.resolve("dclint"));
const composeSchema = JSON.parse(await readFile(schemaFile, "utf8"));
const ajv = new Ajv({ strict: false, allErrors: true });
addFormats.default(ajv);
const isCompose = ajv.compile({ ...composeSchema, $schema: "http://json-schema.org/draft-07/schema#" });
function faultsOf(source: string): readonly string[] {
  isCompose(read(source));
  return (isCompose.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

describe("docker-compose.yml", () => {
  test("is a compose file, and a misspelt one would not be", () => {
    expect(faultsOf(text)).toEqual([]);
    for (const [right, wrong] of [
      ["stop_grace_period:", "stop_grace:"],
      ["service_healthy", "service_well"],
      ["read_only: true", "read_only: [true]"],
    ] as const)
      expect(faultsOf(text.replace(right, wrong)), wrong).not.toEqual([]);
  });

  test("has services that wait for such as there are, and for health only where it is asked about", () => {
    for (const [name, { depends_on: depends = {} }] of services) {
      for (const other of Object.keys(depends)) expect(compose.services, `${name} waits for it`).toHaveProperty(other);
      for (const [other, { condition }] of Object.entries(depends))
        if (condition === "service_healthy")
          // An image that is built here has a health check of its own.
          expect(
            compose.services[other]?.healthcheck?.test ?? compose.services[other]?.build,
            `${name} waits for ${other}`,
          ).toBeDefined();
    }
  });

  test("mounts files and volumes that there are", () => {
    const sources = services.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(":")[0] ?? ""));
    const files = sources.filter((source) => source.startsWith("."));
    expect(files.filter((file) => !existsSync(file))).toEqual([]);
    const volumes = sources.filter((source) => !source.startsWith("."));
    expect([...new Set(volumes)].sort()).toEqual(Object.keys(compose.volumes).sort());
  });

  test("gives Docket settings that it knows and takes", async () => {
    expect(docket.map(([name]) => name)).toEqual(["migrate", "docket-1", "docket-2", "docket-jobs"]);
    for (const [name, { environment = {} }] of docket) {
      expect(Object.keys(environment).filter((variable) => !SETTINGS.has(variable))).toEqual([]);
      const config = readConfig(settingsOf(environment));
      expect(config.jobs, name).toEqual(/^docket-\d/.test(name) ? [] : JOB_NAMES);
      expect(config.http.trustedProxies).toEqual(config.metrics?.from);
      // Those who call the servers by their names: the proxy and Prometheus.
      expect(config.http.allowedHosts).toEqual(["docket-1", "docket-2", "docket-jobs", "localhost"]);
    }
    // What each of the stories of reminders and recurrences is taken back by.
    const jobs = (variables: Record<string, string>) =>
      readConfig(settingsOf(compose.services["docket-jobs"]?.environment, variables)).jobs;
    expect(jobs({ DOCKET_JOBS: "-reminders" })).toEqual(JOB_NAMES.filter((job) => job !== "reminders"));
  });

  test("sends callers to both servers, and Prometheus to all three processes", async () => {
    const caddyfile = await readFile("deploy/proxy/Caddyfile", "utf8");
    const upstreams = caddyfile.match(/(?<=reverse_proxy ).*(?= \{)/)?.[0];
    expect(upstreams).toBe("docket-1:4000 docket-2:4000");
    // To the servers, a caller behind the proxy may look like Prometheus: by his address, or by the proxy's.
    expect(caddyfile).toContain("@metrics path /metrics /metrics/*\n\trespond @metrics 404\n");
    const open = services.filter(([, { ports = [] }]) => ports.length > 0).map(([name]) => name);
    expect(open).toEqual(["proxy", "grafana"]);
    const prometheus: Prometheus = parse(await readFile("deploy/prometheus/prometheus.yml", "utf8"));
    const targets = prometheus.scrape_configs
      .flatMap((job) => job.static_configs ?? [])
      .flatMap((some) => some.targets);
    expect(targets).toEqual(expect.arrayContaining(["docket-1:4000", "docket-2:4000", "docket-jobs:4000"]));
  });

  test("gives no process more than it needs, and opens ports to this machine alone", () => {
    for (const [name, service] of services) {
      expect(service, name).toMatchObject({
        read_only: true,
        cap_drop: ["ALL"],
        security_opt: ["no-new-privileges:true"],
        mem_limit: expect.any(String),
        pids_limit: expect.any(Number),
        restart: name === "migrate" ? "no" : "unless-stopped",
      });
      expect(service.image, name).toMatch(/^(docket:local|docker\.io\/[\w/-]+:(?!latest)[\w.-]+)$/);
      expect((service.ports ?? []).filter((port) => !port.startsWith("127.0.0.1:"))).toEqual([]);
      expect(service.cap_add, name).toEqual(name === "proxy" ? ["NET_BIND_SERVICE"] : undefined);
    }
  });

  test("holds no password that cannot be set from outside, and says what can", () => {
    const names = [...text.matchAll(VARIABLE)].map(({ groups }) => groups?.["name"] ?? "");
    const passwords = { POSTGRES_PASSWORD: "first", NATS_PASSWORD: "second", GRAFANA_PASSWORD: "third" };
    const set = JSON.stringify(read(text, passwords).services);
    expect([/:docket@|pass=docket|"docket","GF_U/.test(set), /:first@postgres/.test(set)]).toEqual([false, true]);
    expect(set.match(/first|second|third/g)).toHaveLength(4 + 1 + 2 + 1);
    const head = text.slice(0, text.indexOf("\nname:"));
    const inherited = docket.flatMap(([, { environment = {} }]) => Object.entries(environment));
    names.push(...inherited.filter(([, value]) => value === null).map(([name]) => name));
    expect([...new Set(names)].filter((name) => !head.includes(name))).toEqual([]);
  });
});

test("deploy/compose.traces.yml gives every process of the image what docs/traces.md says, and where traces go", async () => {
  const source = await readFile("deploy/compose.traces.yml", "utf8");
  expect(faultsOf(source)).toEqual([]);
  const added = Object.entries(read(source, { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" }).services);
  expect(added.map(([name]) => name).sort()).toEqual(docket.map(([name]) => name).sort());
  const [, packages] = /^npm install (.*)$/m.exec(await readFile("docs/traces.md", "utf8")) ?? [];
  for (const [, { build, environment }] of added) {
    expect(build).toEqual({ context: ".", args: { BESIDE: packages } });
    expect(readConfig(settingsOf(environment)).traces?.url).toBe("http://collector:4318/v1/traces");
  }
  expect(await readFile("Dockerfile", "utf8")).toMatch(/^ARG BESIDE=""\n[\s\S]*npm install .* \$BESIDE$/m);
});

test("deploy/compose.tls.yml adds to the proxy, with files and names that there are", async () => {
  const source = await readFile("deploy/compose.tls.yml", "utf8");
  expect(faultsOf(source)).toEqual([]);
  expect(Object.keys(read(source).services)).toEqual(["docket-1", "docket-2", "proxy"]);
  const caddyfile = await readFile("deploy/proxy/Caddyfile", "utf8");
  expect(caddyfile).toContain("{$DOCKET_SITE::4000} {");
  expect(read(source, { DOCKET_SITE: "docket.example.com" }).services["proxy"]?.environment).toEqual({
    DOCKET_SITE: "docket.example.com",
  });
});
