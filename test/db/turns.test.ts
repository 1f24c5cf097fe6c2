import { expect, it } from "vitest";
import { Requester, RequestStopped } from "../../src/db/requester.ts";
import { Turns } from "../../src/db/turns.ts";

/** Asks for places, and notes in `order` who was given one. */
function asking(turns: Turns) {
  const order: string[] = [];
  const taken: (() => void)[] = [];
  return {
    order,
    ask(name: string, requester: Requester) {
      turns.take(requester).then(
        (giveBack) => {
          order.push(name);
          taken.push(giveBack);
        },
        (error: Error) => order.push(`${name}: ${error.message}`),
      );
    },
    /** The one that was taken first is given back. */
    async giveBack(times = 1) {
      for (let i = 0; i < times; i++) {
        taken.shift()?.();
        await settled();
      }
    },
  };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

it("gives the next place to another key, however much one key waits for", async () => {
  const { ask, giveBack, order } = asking(new Turns(1));
  for (let i = 1; i <= 5; i++) ask(`a${i}`, new Requester("a"));
  ask("b1", new Requester("b"));
  ask("c1", new Requester("c"));
  ask("b2", new Requester("b"));
  await giveBack(8);
  expect(order).toEqual(["a1", "a2", "b1", "c1", "a3", "b2", "a4", "a5"]);
});

it("takes the requests of one key in turns, too", async () => {
  const { ask, giveBack, order } = asking(new Turns(1));
  const many = new Requester("a");
  for (let i = 1; i <= 4; i++) ask(`many${i}`, many);
  ask("one", new Requester("a"));
  await giveBack(5);
  expect(order).toEqual(["many1", "one", "many2", "many3", "many4"]);
});

it("gives one request a sixth of the places at most, and the rest of its key's third to other requests", async () => {
  const { ask, giveBack, order } = asking(new Turns(12));
  const many = new Requester("a");
  for (let i = 1; i <= 5; i++) ask(`many${i}`, many);
  await settled();
  expect(order).toEqual(["many1", "many2"]);
  expect(many.connections).toBe(2);
  for (let i = 1; i <= 3; i++) ask(`other${i}`, new Requester("a"));
  await settled();
  expect(order.slice(2)).toEqual(["other1", "other2"]);
  await giveBack(2);
  expect(order.slice(4)).toEqual(["other3", "many3"]);
  expect(many.connections).toBe(1);
});

it("gives one key a third of the places at most, so that whoever comes next need not wait", async () => {
  const { ask, giveBack, order } = asking(new Turns(6));
  for (let i = 1; i <= 20; i++) ask("a", new Requester("a"));
  await settled();
  expect(order).toEqual(["a", "a"]);
  for (const key of ["b", "c", "d", "e", "f"]) ask(key, new Requester(key));
  await settled();
  expect(order.slice(2)).toEqual(["b", "c", "d", "e"]);
  // A key whose turn it is may not use it for a third place.
  await giveBack();
  expect(order.slice(6)).toEqual(["a"]);
  await giveBack(2);
  expect(order.slice(7)).toEqual(["f", "a"]);
});

it("gives one key no more than a third of a small pool, either: one place of two to five", async () => {
  for (const places of [2, 3, 4, 5]) {
    const { ask, order } = asking(new Turns(places));
    for (let i = 1; i <= 5; i++) ask("a", new Requester("a"));
    const job = new Requester(Symbol("job"), { limited: false });
    for (let i = 1; i <= 5; i++) ask("job", job);
    for (const key of ["b", "c", "d"]) ask(key, new Requester(key));
    await settled();
    expect(order).toEqual(["a", "job", "b", "c", "d"].slice(0, places));
  }
});

it("gives one kind of background work a third as well, and programs that serve nobody all there is", async () => {
  const { ask, order } = asking(new Turns(6));
  const job = new Requester(Symbol("job"), { limited: false });
  for (let i = 1; i <= 5; i++) ask("job", job);
  await settled();
  expect(order).toEqual(["job", "job"]);
  const nobody = Symbol("nobody");
  for (let i = 1; i <= 5; i++) ask("nobody", new Requester(nobody, { limited: false }));
  await settled();
  expect(order.slice(2)).toEqual(["nobody", "nobody", "nobody", "nobody"]);
});

it("serves everyone in a pool of two, even the one who asks for two at once", async () => {
  const { ask, giveBack, order } = asking(new Turns(2));
  const both = new Requester("a");
  ask("first", both);
  ask("second", both);
  await settled();
  expect(order).toEqual(["first"]);
  await giveBack(2);
  expect(order).toEqual(["first", "second"]);
  expect(both.connections).toBe(0);
});

it("sends away what a stopped request waits for, and nobody else", async () => {
  const turns = new Turns(1);
  const { ask, giveBack, order } = asking(turns);
  const stopped = new Requester("a");
  ask("holder", new Requester("b"));
  ask("stopped1", stopped);
  ask("waiting", new Requester("a"));
  ask("stopped2", stopped);
  stopped.stop(new RequestStopped("too much"));
  await settled();
  expect(order).toEqual(["holder", "stopped1: too much", "stopped2: too much"]);
  await giveBack();
  expect(order.at(-1)).toBe("waiting");
});

const MEGABYTE = 1024 * 1024;

it("lets a key that holds more than 64 MB finish what it has begun, the largest first, before it begins more", async () => {
  const holding = (size: number) => Object.assign(new Requester("a"), { bytes: size });
  const order = async (...sizes: number[]) => {
    const asked = asking(new Turns(1));
    asked.ask("holder", new Requester("b"));
    for (const [i, size] of sizes.entries()) asked.ask(`a${i}`, holding(size));
    asked.ask("other", new Requester("c"));
    await asked.giveBack(2 + sizes.length);
    return asked.order.slice(1);
  };
  const most = 64 * MEGABYTE;
  expect(await order(0, 1, most - 1)).toEqual(["a0", "other", "a1", "a2"]);
  // Once it is within, turns are as before.
  expect(await order(0, 2, most - 1)).toEqual(["a2", "other", "a0", "a1"]);
});

it("no longer counts what a request held that was sent away", async () => {
  const turns = new Turns(1);
  const { ask, giveBack, order } = asking(turns);
  const [large, small] = [64 * MEGABYTE, 1].map((bytes) => Object.assign(new Requester("a"), { bytes }));
  ask("holder", new Requester("b"));
  ask("new", new Requester("a"));
  ask("small", small as Requester);
  ask("large", large as Requester);
  large?.stop(new RequestStopped("too much"));
  await giveBack(3);
  expect(order).toEqual(["holder", "large: too much", "new", "small"]);
});

it("begins nothing of a key that holds too much while the one that holds it has all the places it may", async () => {
  const { ask, giveBack, order } = asking(new Turns(12));
  const large = Object.assign(new Requester("a"), { bytes: 65 * MEGABYTE });
  for (let i = 1; i <= 3; i++) ask(`large${i}`, large);
  ask("new", new Requester("a"));
  ask("other", new Requester("b"));
  await settled();
  expect(order).toEqual(["large1", "large2", "other"]);
  await giveBack();
  expect(order.slice(3)).toEqual(["large3", "new"]);
});

it("lets the others of a key begin when what held too much is sent away", async () => {
  const { ask, order } = asking(new Turns(12));
  const large = Object.assign(new Requester("a"), { bytes: 65 * MEGABYTE });
  for (let i = 1; i <= 3; i++) ask(`large${i}`, large);
  ask("new", new Requester("a"));
  await settled();
  expect(order).toEqual(["large1", "large2"]);
  large.stop(new RequestStopped("too much"));
  await settled();
  expect(order.slice(2).sort()).toEqual(["large3: too much", "new"]);
});
