import { expect, it } from "vitest";
import type { InputBuilder } from "../../schema/builder.ts";
import { mutation } from "../../schema/mutation.ts";
import { nothing, verb } from "../../src/access/verb.ts";

interface Input {
  readonly projectId: string;
  readonly notes?: string | null | undefined;
}

const note = verb(
  { name: "note", role: "agent", effect: "adds", scope: "project", idempotent: true, on: nothing },
  async (_ctx, { projectId }: Input): Promise<{ readonly projectId: string }> => ({ projectId }),
);
const description = "Notes.";
const projectId = (t: InputBuilder) => t.id({ required: true });
const payload = () => ({});

/** For the compiler: each line below an expected error would be wrong, and the line is where the error stands. */
const refused = [
  () =>
    mutation(note, {
      description,
      // @ts-expect-error a field that the verb takes is forgotten
      input: (t) => ({ projectId: projectId(t) }),
      payload,
    }),
  () =>
    mutation(note, {
      description,
      // @ts-expect-error a field that the verb does not know
      input: (t) => ({ projectId: projectId(t), notes: t.string(), priority: t.int() }),
      payload,
    }),
  () =>
    mutation(note, {
      description,
      // @ts-expect-error null where the verb needs a value
      input: (t) => ({ projectId: t.id(), notes: t.string() }),
      payload,
    }),
  () =>
    mutation(note, {
      description,
      // @ts-expect-error another type
      input: (t) => ({ projectId: projectId(t), notes: t.int() }),
      payload,
    }),
  () =>
    mutation(note, {
      description,
      input: (t) => ({ projectId: projectId(t), notes: t.string() }),
      payload: (t) => ({
        // @ts-expect-error the verb answers nothing of this name
        notes: t.exposeString("notes"),
      }),
    }),
  () =>
    mutation(note, {
      description,
      input: (t) => ({ projectId: projectId(t), notes: t.string() }),
      payload: (t) => ({
        // @ts-expect-error the verb answers a text
        number: t.int({ resolve: ({ projectId: answered }) => answered }),
      }),
    }),
  () =>
    mutation(note, {
      description,
      input: (t) => ({ projectId: projectId(t), notes: t.string() }),
      payload: (t) => ({ projectId: t.exposeID("projectId") }),
    }),
];

it("refuses by types a mutation that takes or answers other than its verb", () => {
  expect(refused).toHaveLength(7);
});
