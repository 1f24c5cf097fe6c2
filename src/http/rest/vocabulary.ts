import { type Vocabulary, vocabularyOf, wordedBy } from "../../../mcp/wording.ts";
import { keptFor } from "../../kept-for.ts";
import { CATCH_UPS, TASK_KINDS, TASK_STATUSES } from "../../tasks/task.ts";
import type { Wording } from "./failure.ts";
import { batchItemSchema } from "./given-task.ts";
import type { RestRoute } from "./route.ts";

/** How the callers of a route are told what was wrong; of none where there is no route. */
export function wordingFor(route: RestRoute | undefined): Wording {
  const words = route ? vocabularyFor(route) : NO_WORDS;
  const hasItems = route?.body?.shape["tasks"] !== undefined;
  return (message, values) => {
    const worded = wordedBy(words, message, values);
    return hasItems ? worded : withoutItem(worded);
  };
}

const NO_WORDS = vocabularyOf([], []);

/** A route that adds one task has no list of them whose item could be named. */
const withoutItem = (message: string) => message.replaceAll(/(^|; )tasks\[0\](?:\.|: )/g, "$1");

const vocabularyFor = keptFor(({ path, query, body }: RestRoute): Vocabulary => {
  const taken = [...Object.keys(query.shape), ...Object.keys(body?.shape ?? {})];
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
  const words = vocabularyOf([...names, ...taken, ...(taken.includes("tasks") ? ITEM : [])], CHOICES);
  const renamed = [
    ["projectId", "project"],
    ["artifactType", "type"],
  ] as const;
  return {
    ...words,
    arguments: new Map([...words.arguments, ...renamed.filter(([, name]) => taken.includes(name))]),
  };
});

const ITEM = Object.keys(batchItemSchema.shape);
const CHOICES = [...TASK_STATUSES, ...TASK_KINDS, ...CATCH_UPS];
