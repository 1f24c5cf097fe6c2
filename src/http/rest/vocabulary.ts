import { type Vocabulary, vocabularyOf } from "../../../mcp/wording.ts";
import { keptFor } from "../../kept-for.ts";
import { TASK_KINDS, TASK_STATUSES } from "../../tasks/task.ts";
import { batchItemSchema } from "./given-task.ts";
import type { RestRoute } from "./route.ts";

/** The words that messages to the callers of a route are made of. */
export const vocabularyFor = keptFor(({ path, query, body }: RestRoute): Vocabulary => {
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
const CHOICES = [...TASK_STATUSES, ...TASK_KINDS];
