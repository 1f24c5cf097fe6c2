import { buildSchema } from "graphql";
import { expect, test } from "vitest";
import { Documents } from "../../src/http/documents.ts";

const schema = buildSchema("type Query { a: Int b: Int }");

test("a document is parsed and validated once, while it is remembered", () => {
  const documents = new Documents(schema, null, 40);
  const first = documents.lookUp("{ a }");
  expect(documents.lookUp("{ a }")).toBe(first);
  expect(documents.faultsOf(first)).toBe(documents.faultsOf(first));
  for (const text of ["{ b }", "{ a b }", "{ a }", "{ b a }", "{ b b }", "{ a a }"]) documents.lookUp(text);
  // Of 5 to 7 characters each as many as fit, and those that were asked for last.
  expect(documents.size).toBe(6);
  expect(documents.lookUp("{ a }")).toBe(first);
});

test("as many characters are remembered as fit, and none of a document that would push out the others", () => {
  const documents = new Documents(schema, null, 100);
  for (let i = 0; i < 1_000; i++) documents.lookUp(`{ a${i}: a }`);
  expect(documents.size).toBeLessThanOrEqual(10);
  const { size } = documents;
  documents.lookUp(`{ a ${" ".repeat(100_000)} }`);
  expect(documents.size).toBe(size);
});

test("what is wrong with a document is found out once as well", () => {
  const documents = new Documents(schema);
  const faultOf = (text: string) => {
    try {
      return documents.faultsOf(documents.lookUp(text))[0];
    } catch (error) {
      return error;
    }
  };
  for (const [text, message] of [
    ["{ a", "Syntax Error: Expected Name, found <EOF>."],
    ["{ c }", 'Cannot query field "c" on type "Query".'],
  ] as const) {
    const fault = faultOf(text);
    expect(fault).toMatchObject({ message: expect.stringContaining(message), extensions: { http: { status: 400 } } });
    expect(faultOf(text)).toBe(fault);
  }
  expect(documents.size).toBe(2);
});
