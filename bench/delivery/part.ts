import type { Part } from "../part.ts";
import { makeScratchDatabase } from "../scratch-database.ts";
import { figuresOf } from "./figures.ts";
import { promises, report } from "./report.ts";
import { type DeliveryOptions, runDelivery } from "./run.ts";

export const LONG: DeliveryOptions = {
  subscribers: [1, 100, 1_000, 10_000],
  rates: [1, 10, 100],
  seconds: 10,
  groupsOf: 10,
  claims: 20,
  replay: 100_000,
};
const SHORT: DeliveryOptions = { ...LONG, subscribers: [1, 1_000], rates: [1, 10], seconds: 3, replay: 10_000 };

export const deliveryPart: Part = ({ short, ...around }) => delivery(short ? SHORT : LONG, around);

export async function delivery(options: DeliveryOptions, around: Omit<Parameters<Part>[0], "short">) {
  const database = await makeScratchDatabase(process.env["DATABASE_URL"]);
  try {
    const result = await runDelivery(options, { ...around, database });
    return { report: report(result), figures: figuresOf(result), ok: promises(result).every(({ ok }) => ok) };
  } finally {
    await database.drop();
  }
}
