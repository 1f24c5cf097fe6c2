import fc from "fast-check";
import { expect, it } from "vitest";
import { confirmReservation } from "../../src/ids/confirm.ts";
import { registerIds } from "../../src/ids/register.ts";
import { releaseReservation } from "../../src/ids/release.ts";
import { reserveIds } from "../../src/ids/reserve.ts";
import { takeId } from "../../src/ids/take-id.ts";
import { addTasks } from "../../src/tasks/add.ts";
import { seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";
import { idsFrom, share, withProjects } from "./projects.ts";

const TASK = { projectId: "alpha", artifactType: "TASK" };

const add = async (t: VerbTest, count: number, projectId = "alpha") => {
  const tasks = Array.from({ length: count }, () => ({ description: "added" }));
  return (await addTasks(t.as(), { projectId, tasks })).tasks.map(({ taskId }) => taskId);
};

const bySql = ({ owner }: VerbTest, projectId: string, numbers: readonly number[]) =>
  owner.query(
    `INSERT INTO tasks (project_id, task_id, description)
     SELECT $1, artifact_id('TASK', n), 'by plain SQL' FROM unnest($2::bigint[]) n ON CONFLICT DO NOTHING`,
    [projectId, numbers],
  );

it("passes tasks of plain SQL in every piece of the numbers it takes", async () => {
  const t = await withProjects("alpha");
  const { reservationId } = await reserveIds(t.as(), TASK);
  await registerIds(t.as(), { projectId: "alpha", ids: ["TASK-2000"] });
  await releaseReservation(t.as(), { reservationId });
  await bySql(t, "alpha", [2001]);
  expect(await add(t, 2)).toEqual(["TASK-001", "TASK-2002"]);
});

it.each([
  { how: "20,000 one after another", many: 20_000, apart: 1, added: ["TASK-20001", "TASK-20002"], reserved: 20_003 },
  { how: "5,000 with gaps between", many: 5_000, apart: 2, added: ["TASK-001", "TASK-003"], reserved: 10_001 },
])("adds tasks at once where plain SQL wrote $how before", async ({ many, apart, added, reserved }) => {
  const t = await withProjects("alpha", "beta");
  // The connection has plans by now that were made for a few tasks.
  for (let i = 0; i < 6; i++) await add(t, 1, "beta");
  const numbers = Array.from({ length: many }, (_, i) => (i + 1) * apart);
  // Without triggers, whose work is to bring the texts along.
  await t.owner.query("SET session_replication_role = replica");
  await bySql(t, "alpha", numbers);
  await t.owner.query("RESET session_replication_role");
  expect(await add(t, 2)).toEqual(added);
  const { reservedIds } = await reserveIds(t.as(), { ...TASK, count: 2 });
  expect(reservedIds).toEqual(idsFrom("TASK", reserved, reserved + 1));
});

it("refuses a number that another project's task of plain SQL bears, also a skipped one", async () => {
  const t = await withProjects();
  await share(t, "joint", "gamma", "delta");
  await bySql(t, "gamma", [5]);
  const refused = { code: "ID_TAKEN", details: { id: "TASK-005" } };
  const tasks = [4, 5].map((n) => ({ taskId: `TASK-00${n}`, description: "x" }));
  await expect(addTasks(t.as(), { projectId: "delta", tasks })).rejects.toMatchObject(refused);
  await registerIds(t.as(), { projectId: "gamma", ids: ["TASK-100"] });
  await expect(addTasks(t.as(), { projectId: "delta", tasks })).rejects.toMatchObject(refused);
  expect((await t.owner.query("SELECT FROM tasks WHERE project_id = 'delta'")).rowCount).toBe(0);
  expect(await registerIds(t.as(), { projectId: "gamma", ids: ["TASK-005"] })).toMatchObject({
    registered: ["TASK-005"],
  });
});

it("leaves a number that a project reserved before to it, whatever plain SQL wrote since", async () => {
  const t = await withProjects();
  await share(t, "joint", "gamma", "delta");
  await reserveIds(t.as(), { projectId: "delta", artifactType: "TASK" });
  await bySql(t, "gamma", [1]);
  expect(await registerIds(t.as(), { projectId: "delta", ids: ["TASK-001"] })).toMatchObject({
    registered: ["TASK-001"],
  });
});

const number = fc.integer({ min: 1, max: 40 });
type Step =
  | { do: "reserve"; count: number }
  | { do: "add"; count: number }
  | { do: "sql"; numbers: number[] }
  | { do: "register"; numbers: number[] }
  | { do: "end"; keep: number }
  | { do: "takeId" };
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("reserve" as const), count: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ do: fc.constant("add" as const), count: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ do: fc.constant("sql" as const), numbers: fc.uniqueArray(number, { minLength: 1, maxLength: 5 }) }),
  fc.record({ do: fc.constant("register" as const), numbers: fc.uniqueArray(number, { minLength: 1, maxLength: 2 }) }),
  fc.record({ do: fc.constant("end" as const), keep: fc.nat(3) }),
  fc.record({ do: fc.constant("takeId" as const) }),
);

it("never gives a number that a task bears or another call got, whatever plain SQL writes between", async () => {
  const t = await verbTest();
  let run = 0;
  const play = async (steps: readonly Step[]) => {
    const projectId = `run-${run++}`;
    await seedTasks(t, projectId, 0);
    const taken = new Set<string>();
    const open: { reservationId: string; reservedIds: string[] }[] = [];
    const idOf = (n: number) => `TASK-${`${n}`.padStart(3, "0")}`;
    const got = (...ids: string[]) => {
      for (const id of ids) {
        expect(taken, id).not.toContain(id);
        taken.add(id);
      }
    };
    for (const one of steps) {
      if (one.do === "reserve") {
        const reserved = await reserveIds(t.as(), { projectId, artifactType: "TASK", count: one.count });
        open.push(reserved);
        got(...reserved.reservedIds);
      } else if (one.do === "add") got(...(await add(t, one.count, projectId)));
      else if (one.do === "takeId") got((await takeId(t.as(), { projectId, artifactType: "TASK" })).id);
      else if (one.do === "sql") {
        // Only under numbers that nobody holds: what plain SQL does to a reserved one is its own affair.
        const numbers = one.numbers.filter((n) => !taken.has(idOf(n)));
        await bySql(t, projectId, numbers);
        got(...numbers.map(idOf));
      } else if (one.do === "register") {
        const ids = one.numbers.map(idOf).filter((id) => !taken.has(id));
        if (ids.length > 0) got(...(await registerIds(t.as(), { projectId, ids })).registered);
      } else {
        const ended = open.pop();
        const ids = ended?.reservedIds.slice(0, one.keep) ?? [];
        if (!ended) continue;
        const { reservationId } = ended;
        const { released } =
          ids.length > 0
            ? await confirmReservation(t.as(), { reservationId, ids })
            : await releaseReservation(t.as(), { reservationId });
        for (const id of released) taken.delete(id);
      }
    }
    // More than any gap holds: out of several pieces.
    got(...(await add(t, 8, projectId)));
  };
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), play), { numRuns: 12 });
});

it("gives what lies between the tasks of plain SQL, lowest first", async () => {
  const t = await withProjects("alpha");
  await bySql(t, "alpha", [2, 5, 1500]);
  expect(await add(t, 4)).toEqual(["TASK-001", "TASK-003", "TASK-004", "TASK-006"]);
  expect((await reserveIds(t.as(), { ...TASK, count: 3 })).reservedIds).toEqual(idsFrom("TASK", 7, 9));
});
