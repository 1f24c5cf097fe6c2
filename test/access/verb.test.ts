import { describe, expect, it } from "vitest";
import { nothing, verb, visibleProject } from "../../src/access/verb.ts";
import type { Context } from "../../src/access/viewer.ts";
import { badInput } from "../../src/errors.ts";
import { seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

interface Note {
  readonly projectId: string;
  readonly text?: string;
}

/** A verb that says how far each call came. */
function noting(steps: string[]) {
  return verb(
    {
      name: "note",
      role: "agent",
      effect: "adds",
      scope: "project",
      idempotent: true,
      before: async (_db, { text }: Note) => void steps.push(`before ${text}`),
      on: async (ctx: Context, input: Note) => {
        steps.push("on");
        await visibleProject(ctx, input);
        return input.projectId.toUpperCase();
      },
    },
    async (_ctx, { projectId }: Note, subject) => {
      steps.push(`work on ${subject}`);
      return { projectId, subject };
    },
  );
}

const stored = async ({ owner }: VerbTest) =>
  (await owner.query<{ result: unknown }>("SELECT result FROM idempotency_keys")).rows.map(({ result }) => result);

describe("a verb", () => {
  it("is judged by role, then key, then what it acts on, and works last", async () => {
    const t = await verbTest();
    await seedTasks(t, "alpha", 0);
    const steps: string[] = [];
    const note = noting(steps);
    const input = { projectId: "alpha", text: "a", idempotencyKey: "k" };
    expect(await note(t.as(), input)).toEqual({ projectId: "alpha", subject: "ALPHA", replayed: false });
    expect(steps.splice(0)).toEqual(["before a", "on", "work on ALPHA"]);
    // The key is another request's, and the project is nobody's; each is only told to a caller who has come so far.
    const wrong = { projectId: "beta", text: "b", idempotencyKey: "k" };
    const limited = { projectIds: ["alpha"] };
    await expect(note(t.as({ ...limited, role: "reader" }), wrong)).rejects.toMatchObject({ code: "FORBIDDEN" });
    expect(steps.splice(0)).toEqual([]);
    await expect(note(t.as(limited), wrong)).rejects.toMatchObject({ code: "IDEMPOTENCY_KEY_REUSED" });
    expect(steps.splice(0)).toEqual(["before b"]);
    await expect(note(t.as(limited), { ...wrong, idempotencyKey: "l" })).rejects.toMatchObject({
      code: "PROJECT_NOT_FOUND",
    });
    expect(steps.splice(0)).toEqual(["before b", "on"]);
    expect(await note(t.as(), input)).toEqual({ projectId: "alpha", subject: "ALPHA", replayed: true });
    expect(steps).toEqual(["before a"]);
  });

  it("gives its answer again without what is told only once", async () => {
    const t = await verbTest();
    const tell = verb(
      { name: "tell", role: "agent", effect: "adds", scope: "project", idempotent: true, on: nothing },
      async (): Promise<{ readonly id: number; readonly secret: string | null }> => ({ id: 1, secret: "word" }),
      (told) => ({ ...told, secret: null }),
    );
    const input = { idempotencyKey: "k" };
    expect(await tell(t.as(), input)).toEqual({ id: 1, secret: "word", replayed: false });
    expect(await tell(t.as(), input)).toEqual({ id: 1, secret: null, replayed: true });
    expect(await stored(t)).toEqual([{ id: 1, secret: null }]);
  });

  it("keeps neither an answer that may be another next time nor a failure", async () => {
    const t = await verbTest();
    let found: string | null = null;
    const look = verb(
      { name: "look", role: "agent", effect: "changes", scope: "project", idempotent: true, on: nothing },
      async (_ctx, { fail }: { readonly fail?: boolean }) => {
        if (fail) throw badInput("as asked");
        return { found };
      },
      (result) => (result.found === null ? null : result),
    );
    const input = { idempotencyKey: "k" };
    await expect(look(t.as(), { ...input, fail: true })).rejects.toThrow("as asked");
    expect(await look(t.as(), input)).toEqual({ found: null, replayed: false });
    expect(await stored(t)).toEqual([]);
    found = "work";
    expect(await look(t.as(), input)).toEqual({ found: "work", replayed: false });
    expect(await look(t.as(), input)).toEqual({ found: "work", replayed: true });
  });
});
