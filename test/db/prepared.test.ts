import { expect, it, onTestFinished } from "vitest";
import { openDatabase } from "../../src/db/database.ts";
import { prepared } from "../../src/db/prepared.ts";
import { createTestDatabase } from "../support/database.ts";

const isPrepared = (text: string) => typeof prepared(text) !== "string";

function askOften(text: string): void {
  for (let i = 0; i < 3; i++) prepared(text);
}

it("prepares what comes again, in place of what nobody has asked for the longest", () => {
  askOften("kept");
  askOften("left");
  for (let i = 0; i < 500; i++) {
    askOften(`new ${i}`);
    expect(isPrepared("kept")).toBe(true);
  }
  expect(isPrepared("new 499")).toBe(true);
  expect(isPrepared("left")).toBe(false);
});

it("prepares nothing that comes once, however much does", () => {
  askOften("asked for");
  for (let i = 0; i < 5_000; i++) expect(isPrepared(`once ${i}`)).toBe(false);
  expect(isPrepared("asked for")).toBe(true);
});

it("does not let the server keep more and more statements for one connection", async () => {
  const test = await createTestDatabase();
  const db = openDatabase({ url: test.url, size: 1, applicationName: "test" });
  onTestFinished(async () => {
    await db.close();
    await test.drop();
  });
  const counts = new Set<number>();
  for (let i = 0; i < 600; i++) {
    for (let again = 0; again < 3; again++) await db.read(prepared(`SELECT ${i}`));
    const [kept] = await db.read<{ count: number }>("SELECT count(*)::int AS count FROM pg_prepared_statements");
    counts.add(kept?.count ?? 0);
  }
  expect(Math.max(...counts)).toBeGreaterThan(100);
  expect(Math.max(...counts)).toBeLessThan(500);
});
