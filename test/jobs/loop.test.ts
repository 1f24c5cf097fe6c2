import { expect, it, onTestFinished } from "vitest";
import { Loop } from "../../src/jobs/loop.ts";
import { ManualClock, settled } from "../log/manual-clock.ts";

/** A job whose steps end when the test says so. */
function startLoop() {
  const clock = new ManualClock();
  const reports: string[] = [];
  const report = (_: object, message: string) => void reports.push(message);
  const steps: PromiseWithResolvers<boolean>[] = [];
  const step = () => {
    const begun = Promise.withResolvers<boolean>();
    steps.push(begun);
    return begun.promise;
  };
  const loop = new Loop({ what: "Counting", intervalMs: 1_000, step }, clock, { info: report, error: report });
  onTestFinished(() => loop.close());
  const end = async (more = false) => {
    steps.at(-1)?.resolve(more);
    await settled();
  };
  const fail = async (why = "no") => {
    steps.at(-1)?.reject(new Error(why));
    await settled();
  };
  return { clock, loop, steps, reports, end, fail };
}

it("looks at once, then at its interval, and goes on while there is more", async () => {
  const { clock, steps, end } = startLoop();
  expect(steps).toHaveLength(1);
  await end(true);
  expect(steps).toHaveLength(2);
  await end();
  await clock.advance(999);
  expect(steps).toHaveLength(2);
  await clock.advance(1);
  expect(steps).toHaveLength(3);
  await end();
});

it("looks once more when it is poked during a step, and once for many pokes", async () => {
  const { loop, steps, end, clock } = startLoop();
  for (let i = 0; i < 5; i++) loop.poke();
  expect(steps).toHaveLength(1);
  await end();
  expect(steps).toHaveLength(2);
  await end();
  expect(steps).toHaveLength(2);
  loop.poke();
  expect(steps).toHaveLength(3);
  await end();
  expect(clock.pending).toBe(1);
});

it("reports a failure once, and pauses longer after each, whoever pokes", async () => {
  const { clock, loop, steps, reports, end, fail } = startLoop();
  for (const pause of [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
    const before = steps.length;
    await fail();
    loop.poke();
    await clock.advance(pause - 1);
    expect(steps).toHaveLength(before);
    await clock.advance(1);
    expect(steps).toHaveLength(before + 1);
  }
  expect(reports).toEqual(["Counting fails and is tried again until it works"]);
  await end();
  expect(reports).toHaveLength(2);
});

it("ends with the step under way, and begins none after", async () => {
  const { clock, loop, steps, end } = startLoop();
  loop.poke();
  let closed = false;
  const closing = loop.close().then(() => {
    closed = true;
  });
  await settled();
  expect(closed).toBe(false);
  await end(true);
  await closing;
  loop.poke();
  await clock.advance(60_000);
  expect(steps).toHaveLength(1);
  expect(clock.pending).toBe(0);
});

it("makes a step when work is due, and looks again when the next is, at its interval at the latest", async () => {
  const clock = new ManualClock();
  let dueAt: number | null = null;
  const steps: number[] = [];
  const loop = new Loop(
    {
      what: "Ringing",
      intervalMs: 5_000,
      dueInMs: async () => (dueAt === null ? null : dueAt - clock.now()),
      step: async () => {
        steps.push(clock.now());
        dueAt = null;
        return true;
      },
    },
    clock,
    { info: () => undefined, error: () => undefined },
  );
  onTestFinished(() => loop.close());
  const started = clock.now();
  await settled();
  expect(loop.state).toMatchObject({ lastRunAt: started, dueAt: started + 5_000, failures: 0, lastFailure: null });
  dueAt = started + 5_700;
  await clock.advance(5_699);
  expect(steps).toEqual([]);
  expect(loop.state.dueAt).toBe(started + 5_700);
  await clock.advance(1);
  expect(steps).toEqual([started + 5_700]);
  dueAt = clock.now() + 1;
  await clock.advance(4_999);
  expect(steps).toHaveLength(1);
  await clock.advance(1);
  expect(steps).toHaveLength(2);
  dueAt = clock.now() + 1;
  loop.poke();
  await settled();
  await clock.advance(1);
  expect(steps).toHaveLength(3);
});

it("asks after its last step when the next is due, and looks soon where that was due all along", async () => {
  const clock = new ManualClock();
  const due = [0, 700, 0, 0];
  const loop = new Loop(
    {
      what: "Ringing",
      intervalMs: 5_000,
      dueInMs: async () => due.shift() ?? null,
      step: async () => false,
    },
    clock,
    { info: () => undefined, error: () => undefined },
  );
  onTestFinished(() => loop.close());
  await settled();
  expect(loop.state.dueAt).toBe(clock.now() + 700);
  await clock.advance(700);
  // Another process does it.
  expect(loop.state.dueAt).toBe(clock.now() + 500);
  await clock.advance(500);
  expect(loop.state.dueAt).toBe(clock.now() + 5_000);
});

it("tells of its failures until it goes well, and what the latest was", async () => {
  const { clock, loop, fail, end } = startLoop();
  await fail("first");
  await clock.advance(500);
  await fail();
  expect(loop.state).toMatchObject({ failures: 2, lastFailure: "Error: no", lastRunAt: null });
  await clock.advance(1_000);
  expect(loop.state.dueAt).toBeNull();
  await end();
  expect(loop.state).toMatchObject({ failures: 0, lastFailure: "Error: no", lastRunAt: clock.now() });
});

it("looks when it was told that something will be due, and not later because of what is due after that", async () => {
  const { clock, loop, steps, end, fail } = startLoop();
  // The look under way may not have seen it.
  loop.announce(300);
  await end();
  loop.announce(200);
  loop.announce(900);
  await clock.advance(199);
  expect(steps).toHaveLength(1);
  await clock.advance(1);
  expect(steps).toHaveLength(2);
  await end();
  await clock.advance(999);
  expect(steps).toHaveLength(2);
  await clock.advance(1);
  expect(steps).toHaveLength(3);
  await fail();
  loop.announce(100);
  await clock.advance(499);
  expect(steps).toHaveLength(3);
  await clock.advance(1);
  expect(steps).toHaveLength(4);
  await end();
});

it("looks again in the time that a step says", async () => {
  const clock = new ManualClock();
  const waits = [300, -20, 5_000, false] as const;
  const steps: number[] = [];
  const step = async () => waits[steps.push(clock.now()) - 1] ?? false;
  const started = clock.now();
  const report = () => undefined;
  const loop = new Loop({ what: "Counting", intervalMs: 1_000, step }, clock, { info: report, error: report });
  onTestFinished(() => loop.close());
  await clock.advance(3_000);
  expect(steps.map((at) => at - started)).toEqual([0, 300, 800, 1_800, 2_800]);
});
