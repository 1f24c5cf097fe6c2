import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";

/** Which rooms a room may import from, itself always. The server's rooms lie in order: an arrow allows all below it. */
const BASE = ["src/config", "src/errors", "src/event-types", "src/kept-for"];
const DATABASE = [...BASE, "src/db", "prisma/generated"];
const ACCESS = [...DATABASE, "src/access"];
/** The rooms of the log, each with what lies below it; `src/log` itself puts them together. */
const LOG_WRITE = [...ACCESS, "src/log/clock", "src/log/outage"];
const LOG_READ = [...LOG_WRITE, "src/log/write"];
const LOG_ROOMS = [...LOG_READ, "src/log/read", "src/log/readers"];
const LOG = [...LOG_ROOMS, "src/log", "src/log/live", "src/log/sinks"];
/** The calendar of recurrences knows no feature. */
const CALENDAR = "src/schedule/recurrence";
const FEATURES = [
  ...LOG,
  CALENDAR,
  "src/projects",
  "src/ids",
  "src/tasks",
  "src/schedule",
  "src/tracking",
  "src/keys",
  "src/delivery",
];
const SCHEMA = [...FEATURES, "schema"];

const MAY_IMPORT: Record<string, readonly string[]> = {
  "src/errors": [],
  "src/event-types": [],
  "src/kept-for": [],
  "src/config": ["src/errors"],
  "src/db": DATABASE,
  "src/db/embedded": DATABASE,
  "src/access": ACCESS,
  "src/log/clock": [],
  "src/log/outage": [],
  "src/log/write": LOG_WRITE,
  "src/log/read": LOG_READ,
  "src/log/readers": LOG_ROOMS,
  "src/log/live": LOG_ROOMS,
  "src/log/sinks": LOG_ROOMS,
  "src/log/audit": DATABASE,
  "src/log": LOG,
  "src/projects": LOG,
  "src/ids": [...LOG, "src/projects"],
  [CALENDAR]: [],
  "src/tasks": [...LOG, "src/projects", "src/ids", CALENDAR],
  "src/schedule": [...LOG, "src/projects", "src/ids", "src/tasks", CALENDAR],
  "src/tracking": [...LOG, "src/projects", "src/ids", "src/tasks"],
  "src/keys": LOG,
  "src/delivery": LOG,
  schema: SCHEMA,
  "src/http": [...SCHEMA, "mcp", "client"],
  "src/jobs": SCHEMA,
  "src/server": [...SCHEMA, "src/http", "src/jobs"],
  "src/commands": [...FEATURES, "src/log/audit", "src/http", "src/server", "src/db/embedded"],
  client: [],
  "client/node": ["client"],
  mcp: ["client"],
  "mcp/main": ["mcp", "client", "client/node"],
  cli: ["client", "client/node", "mcp/main", "src/commands"],
  smoke: ["client", "client/node"],
};

const files = globSync([
  "src/**/*.ts",
  "schema/**/*.ts",
  "client/**/*.ts",
  "mcp/**/*.ts",
  "cli/**/*.{ts,js}",
  "smoke/**/*.ts",
]).filter((file) => !file.startsWith("client/gen/"));

const rooms = [...Object.keys(MAY_IMPORT), "prisma/generated"];

/** The innermost room that a file lies in; the file itself where the table has none for it. */
function room(file: string): string {
  const path = file.replace(/\.(ts|js)$/, "");
  const around = rooms.filter((name) => path === name || path.startsWith(`${name}/`));
  return around.reduce((inner, name) => (name.length > inner.length ? name : inner), "") || file;
}

const importsOf = (file: string): string[] =>
  [...readFileSync(file, "utf8").matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)]
    .flatMap(([, path]) => path ?? [])
    .map((path) => normalize(join(dirname(file), path)));

describe("imports", () => {
  it("finds the code", () => {
    expect(files.length).toBeGreaterThan(50);
  });

  it.each(files)("run one way from %s", (file) => {
    const allowed = MAY_IMPORT[room(file)];
    expect(allowed, `${room(file)} is not in the table`).toBeDefined();
    const foreign = importsOf(file)
      // What the package runs is all of it in one.
      .filter((path) => !path.endsWith(".json") && !path.startsWith("dist/"))
      .map(room)
      .filter((other) => other !== room(file) && !allowed?.includes(other));
    expect(foreign).toEqual([]);
  });

  it("never lead back to where they began, not even for types", () => {
    let circles = new Map(files.map((file) => [file, importsOf(file)]));
    for (let before = Number.POSITIVE_INFINITY; circles.size < before; ) {
      before = circles.size;
      const imported = new Set([...circles.values()].flat());
      circles = new Map(
        [...circles].filter(([file, others]) => imported.has(file) && others.some((other) => circles.has(other))),
      );
    }
    expect([...circles.keys()]).toEqual([]);
  });

  it("read the environment in one file of the server and one of the clients", () => {
    const readers = files.filter((file) => readFileSync(file, "utf8").includes("process.env"));
    expect(readers.sort()).toEqual(["client/node/config.ts", "src/config/config.ts"]);
  });

  it("keep what belongs to a request or the process in one way", () => {
    const keepers = files.filter(
      (file) => /^(src|schema)/.test(file) && readFileSync(file, "utf8").includes("WeakMap"),
    );
    // These count and remember for one connection at a time, as it goes on, or hand on what nobody could make later.
    expect(keepers.sort()).toEqual([
      "src/http/port.ts",
      "src/http/websocket.ts",
      "src/ids/reserve.ts",
      "src/kept-for.ts",
    ]);
  });

  it("keep Node out of what a browser runs, too", () => {
    const ofNode = files.filter(
      (file) => room(file) === "client" && /(?:from|import)\s*\(?\s*"node:/.test(readFileSync(file, "utf8")),
    );
    expect(ofNode).toEqual([]);
  });
});
