import { parse, validateSubscriptionArgs } from "graphql";
import { expect, test } from "vitest";
import { schema } from "../../schema/index.ts";
import { SERVER, type Viewer } from "../../src/access/viewer.ts";
import { audienceOf, type Validated } from "../../src/http/live/audience.ts";
import { Renderings } from "../../src/http/live/renderings.ts";

const SUBSCRIPTION = `subscription ($actors: [String!], $after: String, $whole: Boolean = false) {
  taskEvents(filter: {actors: $actors}, after: $after) { cursor caughtUp events { number payload @include(if: $whole) } } }`;

const renderings = new Renderings();
const services = {} as Parameters<typeof audienceOf>[0]["services"];

interface Asked {
  readonly variables: Record<string, unknown>;
  readonly document?: string;
  readonly viewer?: Partial<Viewer>;
  readonly cost?: number;
}

/** Those who ask so. */
function audience({ document = SUBSCRIPTION, variables, viewer = {}, cost }: Asked) {
  const validated = validateSubscriptionArgs({ schema, document: parse(document), variableValues: variables });
  return audienceOf({
    validated: validated as Validated,
    operationName: null,
    variables,
    viewer: { ...SERVER, ...viewer },
    cost: cost ?? null,
    services,
    renderings,
  });
}

const one = { number: 1 };
const two = { number: 2 };
const frame = { cursor: "c", caughtUp: true, events: [one, two] };
const first: Asked = { variables: { actors: ["a"], after: "x" } };

test.each<[string, Asked]>([
  ["another filter", { variables: { actors: ["a", "b"] } }],
  ["no filter", { variables: {} }],
])("renders a frame once for those who get the same by %s", async (_, other) => {
  expect(audience(other).key).not.toBe(audience(first).key);
  const rendering = await audience(first).make({ ...frame });
  expect(await audience(other).make({ ...frame, events: [one, two] } as typeof frame)).toBe(rendering);
});

test.each<[string, Asked]>([
  ["by other words", { ...first, document: SUBSCRIPTION.replace("number", "actor") }],
  ["with a variable that says what is shown", { variables: { ...first.variables, whole: true } }],
  ["with another role", { ...first, viewer: { role: "reader" } }],
  ["seeing other projects", { ...first, viewer: { projectIds: ["alpha"] } }],
  ["to be told what it costs", { ...first, cost: 3 }],
])("renders a frame for itself for those who ask %s", async (_, other) => {
  const rendering = await audience(first).make(frame);
  expect(await audience(first).make(frame)).toBe(rendering);
  expect(await audience(other).make(frame)).not.toBe(rendering);
});

test.each([
  ["from another place", { ...frame, cursor: "d" }],
  ["that are behind", { ...frame, caughtUp: false }],
  ["with fewer events", { ...frame, events: [one] }],
  ["with another event", { ...frame, events: [one, { number: 3 }] }],
])("renders frames %s anew", async (_, other) => {
  const rendering = await audience(first).make(frame);
  expect(await audience(first).make(other)).not.toBe(rendering);
});

test("does not show for long what is rendered once", async () => {
  const rendering = await audience(first).make(frame);
  await expect.poll(async () => (await audience(first).make(frame)) === rendering, { interval: 60 }).toBe(false);
});
