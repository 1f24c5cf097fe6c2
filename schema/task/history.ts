import DataLoader from "dataloader";
import { badInput, DocketError } from "../../src/errors.ts";
import { type EventPage as Page, requireFirst, type TaskKey } from "../../src/log/history.ts";
import { builder } from "../builder.ts";
import type { GraphQLContext } from "../context.ts";
import { CURSOR_FAULTS, EventPage } from "../event.ts";
import { Task } from "./task.ts";

/** Events that the histories of one request may hold together, if each were full. */
const MOST_EVENTS = 5_000;

/** The histories of one request: those asked for with the same arguments are read in one statement. */
class Histories {
  readonly #ctx: GraphQLContext;
  readonly #loaders = new Map<string, DataLoader<TaskKey, Page>>();
  #asked = 0;

  constructor(ctx: GraphQLContext) {
    this.#ctx = ctx;
  }

  load(task: TaskKey, after: string | null, first: number): Promise<Page> {
    const args = `${first} ${after}`;
    let loader = this.#loaders.get(args);
    if (!loader) {
      // Without a cache, so that a mutation's payload shows what the mutation did.
      loader = new DataLoader((tasks) => this.#read(tasks, after, first), { cache: false });
      this.#loaders.set(args, loader);
    }
    return loader.load(task);
  }

  /** All or none, so that nobody takes what was cut off for the end. */
  async #read(tasks: readonly TaskKey[], after: string | null, first: number): Promise<Page[]> {
    requireFirst(first);
    this.#asked += tasks.length * first;
    if (this.#asked > MOST_EVENTS)
      throw new DocketError(
        "QUERY_TOO_COMPLEX",
        `This request asks for the histories of ${tasks.length} tasks with ${first} events each; all histories of one ` +
          `request may come to ${MOST_EVENTS} events. Ask for fewer tasks or a smaller first.`,
      );
    return this.#ctx.log.histories(this.#ctx.viewer, tasks, { after, first });
  }
}

const ofRequest = new WeakMap<GraphQLContext, Histories>();

builder.prismaObjectField(Task, "history", (t) =>
  t.field({
    type: EventPage,
    nullable: true,
    description:
      "What happened to it, oldest first: claims, changes with old and new values, completion, by whom and when. Of a list " +
      `of tasks at most ${MOST_EVENTS} events together, else QUERY_TOO_COMPLEX; not in subscriptions. ${CURSOR_FAULTS}`,
    args: {
      first: t.arg.int({ defaultValue: 50, description: "1 to 100." }),
      after: t.arg.string({ description: "A cursor; without it from the oldest event kept." }),
    },
    resolve: (task, { first, after }, ctx, { operation }) => {
      // Loaded for each subscriber by itself, it would cost as many statements as there are subscribers.
      if (operation.operation === "subscription")
        throw badInput(
          "history is not for subscriptions: their frames are the history. Query it once beside logCursor.",
        );
      const histories = ofRequest.get(ctx) ?? new Histories(ctx);
      ofRequest.set(ctx, histories);
      return histories.load(task, after ?? null, first ?? 50);
    },
  }),
);
