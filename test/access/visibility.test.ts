import { isInterfaceType } from "graphql";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { schema } from "../../schema/index.ts";
import { FOUND, follow, mayUse, READING, ROLES, type Role, SHOWN, send } from "./asking.ts";
import { casesOf, kindOf, ownArguments, REACHED } from "./cases.ts";
import { leavesOf, type Operation, type Walked, walk, withValue } from "./schema-walk.ts";
import { HIDDEN, type Hidden, hide, type Pair, SEEN, startWorld, type World } from "./world.ts";

const QUERIES_AT_ONCE = 8;

async function eachOf<Item>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  for (let i = 0; i < items.length; i += atOnce) await Promise.all(items.slice(i, i + atOnce).map(work));
}

/** What must be the same: all of it, but for opaque places in the log, the time of it, and the numbers of what a mutation just made. */
function comparable(answer: unknown, operation: Operation, pairs: readonly Pair[]): string {
  let text = JSON.stringify(answer, (name, value) =>
    ["cursor", "logCursor", "lastUsedAt", "generatedAt"].includes(name) ? null : value,
  ).replace(/Generated: [\w:.-]+/, "");
  for (const { foreign, unknown } of pairs.flatMap((pair) => [pair, ...(pair.parts ?? [])]))
    text = text.replaceAll(foreign, unknown);
  if (operation !== "mutation") return text;
  return text.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}|dk_\w+|"id":"[^"]+"/g, "#").replaceAll(/\d+/g, "#");
}

function expectNothingHidden(answer: string, { needles }: Hidden, because: string) {
  // A field of that name tells that something is not shown.
  const text = answer.replaceAll('"blockedByHidden"', "").toLowerCase();
  expect(
    needles.filter((needle) => text.includes(needle)),
    because,
  ).toEqual([]);
}

/** Everything of the hidden project in the database. */
async function hiddenState({ owner }: World): Promise<unknown> {
  await owner.query("SELECT drain()");
  const state: unknown[] = [];
  for (const table of ["projects", "tasks", "task_attempts", "id_reservations", "events", "webhook_deliveries"])
    state.push((await owner.query(`SELECT * FROM ${table} t WHERE project_id = $1 ORDER BY t::text`, [HIDDEN])).rows);
  state.push((await owner.query("SELECT key_id, revoked_at FROM api_keys WHERE name ~ 'hidden' ORDER BY 1")).rows);
  state.push((await owner.query("SELECT * FROM webhooks WHERE url ~ 'hidden' ORDER BY webhook_id")).rows);
  return state;
}

async function secretsIn({ owner }: World): Promise<string[]> {
  const { rows } = await owner.query<{ secret: string }>("SELECT secret FROM task_attempts");
  expect(rows).not.toEqual([]);
  return rows.map(({ secret }) => secret);
}

describe("a key that is limited to one project", () => {
  let world: World;
  let hidden: Hidden;
  /** Secrets of attempts that other keys hold. */
  let secrets: readonly string[];
  /** Places of filters that were tried. */
  const tried = new Set<string>();
  /** What it was told before and after something was hidden. */
  const told = { before: new Map<string, string>(), after: new Map<string, string>() };

  async function askAll(answers: Map<string, string>) {
    const questions = READING.flatMap((role) =>
      walk("query", REACHED).flatMap((walked) =>
        (walked.name === "node" ? world.ownNodes : [undefined]).map((node) => ({ role, walked, node })),
      ),
    );
    await eachOf(questions, QUERIES_AT_ONCE, async ({ role, walked, node }) => {
      const variables = { ...ownArguments(world, walked), ...(node !== undefined && { id: node }) };
      // What stands around a field below the root is a noun itself.
      const answer = await send(world, role, walked, variables, walked.parent === undefined ? SHOWN : FOUND);
      answers.set(`${role}: ${walked.name} ${node ?? ""}`, JSON.stringify(answer));
    });
  }

  /**
   * Who asks the nth question: of a mutation those who may, the others only once, and else those who are told different
   * things; where a query tells all of them the same, they take turns.
   */
  async function askersOf(walked: Walked): Promise<(nth: number) => readonly Role[]> {
    if (walked.operation === "mutation") return (nth) => (nth === 0 ? ROLES : mayUse(walked));
    if (walked.operation === "subscription") return () => READING;
    const alike = toldAlike.get(walked.name) ?? areToldAlike(walked);
    toldAlike.set(walked.name, alike);
    const takeTurns = await alike;
    return (nth) => READING.filter((_, i) => !takeTurns || i === nth % READING.length);
  }

  const toldAlike = new Map<string, Promise<boolean>>();

  async function areToldAlike(walked: Walked): Promise<boolean> {
    const own = ownArguments(world, walked);
    const answers = await Promise.all(READING.map((role) => send(world, role, walked, own, FOUND)));
    return new Set(answers.map((answer) => comparable(answer, "query", []))).size === 1;
  }

  beforeAll(async () => {
    world = await startWorld({ keepOpen: true });
    await askAll(told.before);
    hidden = await hide(world);
    secrets = await secretsIn(world);
    await askAll(told.after);
  });
  afterAll(() => world.close());

  it("is tried with a row of its own and a hidden one of every noun that has a global id", () => {
    const typesOf = (ids: readonly string[]) =>
      new Set(ids.map((id) => Buffer.from(id, "base64").toString().split(":")[0]));
    const node = schema.getType("Node");
    const nouns = new Set(isInterfaceType(node) ? schema.getPossibleTypes(node).map(({ name }) => name) : []);
    expect(nouns).toContain("Project");
    expect(typesOf(world.ownNodes), "ownNodes of world.ts").toEqual(nouns);
    expect(typesOf((hidden.pairs["node"] ?? []).map(({ foreign }) => foreign)), "hide() of world.ts").toEqual(nouns);
  });

  it("gets the same answers to every query, whether another project exists or not", () => {
    const { before, after } = told;
    expect(before.get("reader: task ")).toContain("seen pending");
    expect(before.get("reader: tasks ")).toContain('"totalCount":6');
    expect(before.get("admin: apiKeys ")).toContain("seen key");
    expect(before.get("admin: webhooks ")).toContain('"response":"from https://seen.example/"');
    expect(before.get("admin: Webhook.deliveries ")).toContain('"subjectId":"TASK-003"');
    for (const node of world.ownNodes) expect(before.get(`admin: node ${node}`)).toContain(node);
    expect(after.size).toBe(before.size);
    for (const [what, answer] of after) {
      expectNothingHidden(answer, hidden, what);
      expect(comparable(JSON.parse(answer), "query", []), what).toBe(
        comparable(JSON.parse(before.get(what) ?? ""), "query", []),
      );
    }
  });

  it("gets nothing hidden by a cursor of it, in any list and in the log", async () => {
    for (const walked of [...walk("query", REACHED), ...walk("subscription", REACHED)]) {
      const places = leavesOf(walked.field.args).filter((leaf) => kindOf(leaf) === "cursor");
      const askers = places.length > 0 ? await askersOf(walked) : () => [];
      const questions = places.flatMap(({ path }) =>
        hidden.cursors.flatMap((cursor, nth) => askers(nth).map((role) => ({ path, cursor, role }))),
      );
      await eachOf(questions, QUERIES_AT_ONCE, async ({ path, cursor, role }) => {
        const variables = withValue(ownArguments(world, walked), path, cursor) as object;
        const answer = await send(world, role, walked, variables, FOUND);
        expectNothingHidden(JSON.stringify(answer), hidden, `${role}: ${walked.name} with ${path.join(".")}`);
      });
    }
  });

  // The mutations come last: they may change what is seen.
  it.each(["query", "subscription", "mutation"] as const)(
    "gets the same answer for what is hidden as for what does not exist, wherever a %s can name it",
    async (operation) => {
      const before = await hiddenState(world);
      const reads = operation !== "mutation";
      // What only reads answers the same again.
      const ofUnknown = new Map<string, Promise<string>>();
      const questions = walk(operation, REACHED).map(async (walked) => {
        const cases = casesOf(world, hidden, walked, tried).map((one) => ({
          ...one,
          walked,
          foreign: one.variables((pair) => pair.foreign),
          unknown: one.variables((pair) => pair.unknown),
        }));
        const different = new Map(cases.map((one) => [JSON.stringify([one.foreign, one.unknown]), one]));
        const askers = await askersOf(walked);
        return [...different.values()].flatMap((one, nth) => askers(nth).map((role) => ({ ...one, role })));
      });
      const checks = (await Promise.all(questions)).flat();
      const atOnce = operation === "query" ? QUERIES_AT_ONCE : 1;
      await eachOf(checks, atOnce, async ({ walked, what, foreign, unknown, pairs, role }) => {
        const because = `${role}: ${walked.name} with ${what}`;
        const seen = comparable(await send(world, role, walked, foreign, FOUND), operation, pairs);
        const same = `${role}: ${walked.name} ${JSON.stringify(unknown)}`;
        const expected =
          ofUnknown.get(same) ??
          send(world, role, walked, unknown, FOUND).then((answer) => comparable(answer, operation, []));
        if (reads) ofUnknown.set(same, expected);
        expect(seen, because).toBe(await expected);
        expectNothingHidden(seen, hidden, because);
      });
      expect(await hiddenState(world)).toEqual(before);
    },
  );

  it("hears nothing of another project in any subscription, while both change", async () => {
    const { server } = world;
    for (const walked of walk("subscription", REACHED)) {
      const streams = await Promise.all(ROLES.map((role) => follow(world, role, walked, ownArguments(world, walked))));
      for (const stream of streams) expectNothingHidden(JSON.stringify(await stream.next()), hidden, walked.name);
      for (const projectId of [HIDDEN, SEEN])
        await server.ask(
          `mutation ($projectId: ID!) {
            addTasks(input: {projectId: $projectId, tasks: [{description: "work"}]}) { taskIds }
            reserveIds(input: {projectId: $projectId, artifactType: "PRD"}) { reservedIds }
            claimNextTask(input: {projectId: $projectId}) { attempt }
          }`,
          { projectId },
        );
      for (const [i, stream] of streams.entries()) {
        let frame = "";
        while (!frame.includes(`"projectId":"${SEEN}"`)) {
          frame = JSON.stringify(await stream.next());
          expectNothingHidden(frame, hidden, `${ROLES[i]}: ${walked.name}`);
        }
        await stream.close();
      }
    }
  });

  it("is never shown the secret of an attempt that another key holds, by no answer, log line or other table", async () => {
    const fresh = await startWorld();
    const { server, owner } = fresh;
    const others = [...secrets, ...(await secretsIn(fresh))];
    const found = (text: string) => others.filter((secret) => text.includes(secret));
    for (const [what, answer] of [...told.before, ...told.after]) expect(found(answer), what).toEqual([]);
    for (const operation of ["subscription", "mutation"] as const)
      for (const walked of walk(operation, REACHED))
        for (const role of mayUse(walked)) {
          const answer = JSON.stringify(await send(fresh, role, walked, ownArguments(fresh, walked)));
          expect(found(answer), `${role}: ${walked.name}`).toEqual([]);
        }
    await owner.query("SELECT drain()");
    const tables = await owner.query<{ name: string }>(
      "SELECT oid::regclass::text AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'm')",
    );
    for (const { name } of tables.rows.filter(({ name }) => name !== "task_attempts")) {
      const stored = await owner.query(`SELECT t::text FROM ${name} t`);
      expect(found(JSON.stringify(stored.rows)), name).toEqual([]);
    }
    expect(found(JSON.stringify(server.logged))).toEqual([]);
  });

  it("is given no answer that another key got under the same idempotency key", async () => {
    const tasks = 'tasks: [{description: "work"}]';
    for (const projectId of [HIDDEN, SEEN])
      await world.server.ask(`mutation { addTasks(input: {projectId: "${projectId}", ${tasks}}) { taskIds } }`);
    const document = (projectId: string) =>
      `mutation { claimNextTask(input: {projectId: "${projectId}", idempotencyKey: "k1"}) { replayed task { projectId } } }`;
    await world.server.ask(document(HIDDEN));
    expect(await world.server.ask(document(SEEN), {}, { key: world.limited.agent })).toEqual({
      claimNextTask: { replayed: false, task: { projectId: SEEN } },
    });
  });

  it("learns of a shared namespace that an ID is taken, and not by whom", async () => {
    const { server, limited } = world;
    const asAdmin = { key: server.adminKey };
    for (const projectId of ["sharing", "hidden-sharing"])
      await server.ask(
        'mutation ($id: ID!) { createProject(input: {projectId: $id, name: "P", idNamespace: "company"}) { replayed } }',
        { id: projectId },
        asAdmin,
      );
    const { secret: key } = await server.makeKey({ role: "admin", projectIds: ["sharing"] });
    await server.ask(
      'mutation { registerIds(input: {projectId: "hidden-sharing", ids: ["US-007"]}) { registered } }',
      {},
      asAdmin,
    );
    const { data, errors } = await server.gql(
      `mutation {
        registerIds(input: {projectId: "sharing", ids: ["US-007"]}) { registered }
        addTasks(input: {projectId: "sharing", tasks: [{artifactId: "US-007"}]}) { taskIds }
        updateProject(input: {projectId: "sharing", idReuse: NEVER}) { replayed }
        jump: registerIds(input: {projectId: "sharing", ids: ["US-50000"], allowJump: true}) { registered }
        limit: updateProject(input: {projectId: "sharing", idJumpLimit: 50000}) { replayed }
        held: voidIds(input: {projectId: "sharing", artifactType: "US", ids: ["US-007"], reason: "x"}) { voided }
        unknown: voidIds(input: {projectId: "sharing", artifactType: "US", ids: ["US-500"], reason: "x"}) { voided }
        reserveIds(input: {projectId: "sharing", artifactType: "US"}) { reservedIds reservation { namespace } }
      }`,
      {},
      { key },
    );
    expect(errors?.map(({ extensions }) => extensions["code"])).toEqual([
      ...["ID_TAKEN", "ID_TAKEN", "FORBIDDEN", "FORBIDDEN", "FORBIDDEN", "BAD_USER_INPUT", "BAD_USER_INPUT"],
    ]);
    expect(errors?.at(-2)?.message.replace("US-007", "US-500")).toBe(errors?.at(-1)?.message);
    expect(data).toMatchObject({ reserveIds: { reservedIds: ["US-008"], reservation: { namespace: "company" } } });
    const reservations = await server.ask("{ reservations { totalCount nodes { projectId } } }", {}, { key });
    expect(reservations).toEqual({ reservations: { totalCount: 1, nodes: [{ projectId: "sharing" }] } });
    expect(JSON.stringify([errors, reservations])).not.toContain("hidden");
    const outside = await server.gql('{ idRegistry(projectId: "sharing") { namespace } }', {}, { key: limited.reader });
    expect(outside.errors?.[0]?.extensions["code"]).toBe("PROJECT_NOT_FOUND");
  });
});
