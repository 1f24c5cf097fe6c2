import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import Fastify from "fastify";
import mercurius from "mercurius";
import { answerTo } from "../compare/bare/answers.ts";
import { openBareDb } from "../compare/bare/bare-db.ts";
import { VIEWER } from "../compare/bare/viewer.ts";

// Mercurius with Docket's schema and the same SQL; each request is compiled once, as its makers recommend.

const [url = "", size = ""] = process.argv.slice(2);
const pool = openBareDb(url, Number(size));

/** How often Docket moves what others left in the inbox, in milliseconds. Until then no query of its schema shows it. */
const DRAIN_MS = 250;
let isDraining = false;

/** Moves what was changed into the log, as whatever serves this schema has to. */
async function drainSoon() {
  if (isDraining) return;
  isDraining = true;
  await delay(DRAIN_MS);
  isDraining = false;
  await pool.read("SELECT FROM drain()");
}

/** The root field of one of the comparison's documents, from what it was given. */
const field =
  (name, root, variables = (given) => given) =>
  async (_root, given) => {
    const ctx = { db: { ...pool }, viewer: VIEWER, correlationId: randomUUID() };
    return (await answerTo(name)(ctx, variables(given)))[root];
  };

/** The same where it leaves events. */
const changing =
  (...of) =>
  async (...given) => {
    const answered = await field(...of)(...given);
    drainSoon();
    return answered;
  };

const app = Fastify();
app.register(mercurius, {
  schema: await readFile(new URL("../../schema/schema.graphql", import.meta.url), "utf8"),
  jit: 1,
  resolvers: {
    Query: {
      task: field("CompareTask", "task"),
      tasks: field("CompareList", "tasks", ({ filter }) => ({
        projectId: filter.projects[0],
        status: filter.status.eq,
      })),
      projects: field("CompareCounts", "projects"),
    },
    Mutation: {
      claimNextTask: changing("CompareClaim", "claimNextTask"),
      renewTaskLease: changing("CompareRenew", "renewTaskLease"),
      updateTaskStatus: changing("CompareStatus", "updateTaskStatus"),
      addTasks: changing("CompareBatch", "addTasks"),
      reserveIds: changing("CompareReserve", "reserveIds"),
    },
  },
});
process.on("disconnect", () => process.exit());
await app.listen({ port: 0, host: "127.0.0.1" });
process.send?.(app.server.address().port);
