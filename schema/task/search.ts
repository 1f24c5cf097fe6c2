import { MOST_RANKED, MOST_WORDS, searchTasks } from "../../src/tasks/search.ts";
import { looksThrough } from "../argument-cost.ts";
import { builder } from "../builder.ts";
import { listLoader } from "../list-loader.ts";
import { COST_OF_TEXT, TaskFilterInput } from "./filter.ts";
import { listedOf } from "./load.ts";
import { Task } from "./task.ts";

const loadFound = listLoader(searchTasks);

builder.queryField("searchTasks", (t) =>
  t.connection(
    {
      type: Task,
      nullable: true,
      description: `Tasks in which every word of the text occurs, whatever the case: in the ID, title, description, notes or artifact ID, the best first. The task or artifact whose ID is a word of it comes first, then what has the words in its title (the beginning of the description, where there is none), as words of their own before parts of words, then in its description; of those that fit as well the newest. Where more than ${MOST_RANKED} are found, only the newest ${MOST_RANKED} are compared and given. In pages of at most 100 (default 50). BAD_USER_INPUT, PROJECT_NOT_FOUND`,
      args: {
        text: t.arg.string({
          required: true,
          extensions: looksThrough(COST_OF_TEXT),
          description: `1 to ${MOST_WORDS} words.`,
        }),
        projects: t.arg.idList({
          description: "Only tasks of these. Default: every project that this key sees and that is not archived.",
        }),
        filter: t.arg({
          type: TaskFilterInput,
          description: "Only tasks of which this holds; archived ones where it asks for them.",
        }),
      },
      resolve: (_root, args, ctx, info) => loadFound(ctx, { ...args, ...listedOf(info) }),
    },
    { name: "TaskSearchConnection" },
    {
      name: "TaskSearchEdge",
      fields: (edge) => ({
        rank: edge.int({
          description: "How well it fits: to be compared with that of others in the same search.",
          resolve: ({ node }) => node.rank,
        }),
      }),
    },
  ),
);
