import fc from "fast-check";
import { expect, it } from "vitest";
import { DocketError } from "../../src/errors.ts";
import { confirmReservation } from "../../src/ids/confirm.ts";
import { extendReservation } from "../../src/ids/extend.ts";
import { registerIds } from "../../src/ids/register.ts";
import { releaseReservation } from "../../src/ids/release.ts";
import { reserveIds } from "../../src/ids/reserve.ts";
import { takeId } from "../../src/ids/take-id.ts";
import { voidIds } from "../../src/ids/void.ts";
import { seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";
import { SequenceModel } from "./sequence-model.ts";

type Step =
  | { do: "reserve"; count: number; ttl: number }
  | { do: "takeId" }
  | { do: "register"; numbers: number[]; allowJump: boolean }
  | { do: "void"; places: number[] }
  | { do: "confirm" | "release"; which: number }
  | { do: "confirmSome"; which: number; mask: number }
  | { do: "extend"; which: number; ttl: number }
  | { do: "pass"; minutes: number };

// Times are whole minutes with a half over, so that the milliseconds a run takes never decide.
const ttl = fc.integer({ min: 1, max: 12 });
const which = fc.nat(9);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("reserve" as const), count: fc.integer({ min: 1, max: 4 }), ttl }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("takeId" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("register" as const),
      numbers: fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 4 }),
      allowJump: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("void" as const),
      places: fc.uniqueArray(fc.nat(3), { minLength: 1, maxLength: 2 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("confirm" as const), which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("release" as const), which }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("confirmSome" as const), which, mask: fc.integer({ min: 1, max: 15 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("extend" as const), which, ttl }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("pass" as const), minutes: fc.integer({ min: 1, max: 15 }) }) },
);

const JUMP_LIMIT = 15;

/** What the verb answered, in numbers; "refused" for an error that the model must foresee. */
const answer = async (work: Promise<readonly string[]>): Promise<readonly number[] | "refused"> =>
  work.then(
    (ids) => ids.map((id) => Number(id.slice(3))),
    (error: unknown) => {
      if (error instanceof DocketError && ["RESERVATION_EXPIRED", "BAD_USER_INPUT"].includes(error.code))
        return "refused";
      throw error;
    },
  );

const id = (number: number) => `US-${`${number}`.padStart(3, "0")}`;

async function play(t: VerbTest, projectId: string, steps: readonly Step[]): Promise<void> {
  const ctx = t.as();
  const admin = t.as({ role: "admin" });
  const model = new SequenceModel(JUMP_LIMIT);
  const reservationIds: string[] = [];
  const pick = (nth: number) => nth % Math.max(reservationIds.length, 1);
  for (const one of steps) {
    if (one.do === "pass") {
      model.now += one.minutes;
      await t.pass(one.minutes * 60);
    } else if (one.do === "reserve") {
      const input = { projectId, artifactType: "US", count: one.count, ttlSeconds: one.ttl * 60 - 30 };
      const got = await reserveIds(ctx, input);
      reservationIds.push(got.reservationId);
      expect(await answer(Promise.resolve(got.reservedIds))).toEqual(model.reserve(one.count, one.ttl));
    } else if (one.do === "takeId") {
      const got = await takeId(ctx, { projectId, artifactType: "US" });
      expect(got).toMatchObject({ id: id(model.next()), replayed: false });
    } else if (one.do === "register") {
      const { numbers, allowJump } = one;
      const registering = registerIds(allowJump ? admin : ctx, { projectId, ids: numbers.map(id), allowJump });
      const registered = registering.then((got) => got.registered);
      expect(await answer(registered)).toEqual(model.register(numbers, allowJump));
    } else if (one.do === "void") {
      const numbers = model.confirmedOnes(one.places);
      const voiding = voidIds(admin, { projectId, artifactType: "US", ids: numbers.map(id), reason: "a slip" });
      const counter = voiding.then(({ lastAssigned }) => (lastAssigned === null ? [] : [lastAssigned]));
      expect(await answer(counter)).toEqual(model.void(numbers));
    } else {
      const nth = pick(one.which);
      const reservationId = reservationIds[nth];
      if (reservationId === undefined) continue;
      if (one.do === "extend") {
        const extended = extendReservation(ctx, { reservationId, ttlSeconds: one.ttl * 60 - 30 }).then(() => []);
        expect(await answer(extended)).toEqual(model.extend(nth, one.ttl));
      } else if (one.do === "release") {
        const released = releaseReservation(ctx, { reservationId }).then(({ released }) => released);
        expect(await answer(released)).toEqual(model.release(nth));
      } else {
        const some = one.do === "confirmSome" ? model.some(nth, one.mask) : undefined;
        const input = { reservationId, ...(some && { ids: some.map(id) }) };
        const released = confirmReservation(ctx, input).then(({ released }) => released);
        expect(await answer(released)).toEqual(model.confirm(nth, some));
      }
    }
  }
}

it("never gives a live number twice and reuses the lowest first, whatever the order of calls", async () => {
  const t = await verbTest();
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
      // A namespace for each run: they need no database of their own.
      const projectId = `run-${run++}`;
      await seedTasks(t, projectId, 0);
      await t.owner.query("UPDATE projects SET settings = $1", [{ idJumpLimit: JUMP_LIMIT }]);
      await play(t, projectId, steps);
    }),
    { numRuns: 20 },
  );
});
