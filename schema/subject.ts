import { brandWithType, type ObjectRef } from "@pothos/core";
import type { GraphQLResolveInfo } from "graphql";
import { administers, seesEventsOf } from "../src/access/visibility.ts";
import type { Db } from "../src/db/database.ts";
import type { SubjectType } from "../src/event-types.ts";
import type { HistoryQuery, SubjectKey } from "../src/log/read/history.ts";
import { builder } from "./builder.ts";
import type { GraphQLContext } from "./context.ts";
import { CURSOR_FAULTS, Event, EventPage, historyQuery, pageOfLog, refuseInFrames } from "./event.ts";
import { loader } from "./loader.ts";

type Types = typeof builder.$inferSchemaTypes;

/** What a noun says of itself, for its `history` and the `subject` of its events. */
interface Subject<Row> {
  /** How its events name it. */
  readonly keyOf: (row: Row) => SubjectKey;
  /** As it is now, where the viewer may see it. `asOf` as of a loader. */
  readonly load: (
    ctx: GraphQLContext,
    key: SubjectKey,
    asOf: string | number | null,
    info: GraphQLResolveInfo,
  ) => Promise<Row | null | undefined>;
}

const LOADS = new Map<string, Subject<object>["load"]>();
const NOUNS: ObjectRef<Types, object>[] = [];

const loadHistory = loader({
  idOf: ({ projectId, id }: SubjectKey) => `${projectId ?? ""}/${id}`,
  visible: seesEventsOf,
  read: ({ log }, subjects, { type, ...query }: HistoryQuery & { readonly type: SubjectType }) =>
    log.histories(type, subjects, query),
});

/** What only its admins may see. */
export const administered = <Row extends { readonly projectIds: readonly string[] | null }>(
  { viewer }: Pick<GraphQLContext, "viewer">,
  row: Row | null | undefined,
) => (row && administers(viewer, row) ? row : null);

/** Makes a noun one that events can be about: it gets its `history`, and its events lead to it by their `subject`. */
export function subject<Row extends object>(
  noun: ObjectRef<Types, Row>,
  type: SubjectType,
  { keyOf, load }: Subject<Row>,
): void {
  NOUNS.push(noun);
  LOADS.set(type, async (...asked) => {
    const found = await load(...asked);
    // Says to the union which of its types that is.
    brandWithType(found, noun);
    return found;
  });
  builder.objectField(noun, "history", (t) =>
    t.field({
      type: EventPage,
      nullable: true,
      description:
        "What happened to it: by whom, when, and changes with old and new values; null where this key does not see its " +
        `events. Not in subscriptions. ${CURSOR_FAULTS}`,
      args: pageOfLog(t),
      resolve: (row, page, ctx, info) => {
        refuseInFrames(info);
        return loadHistory(ctx, keyOf(row), { type, ...historyQuery(page, info) });
      },
    }),
  );
}

/** How a noun is found that only its admins may see, whatever project it is of. */
interface Administered<Row> {
  readonly idOf: (row: Row) => string;
  /** Those of the ids that the viewer administers. */
  readonly find: (ctx: GraphQLContext, ids: readonly string[]) => Promise<readonly Row[]>;
  /** As they are now, in the order of the ids, whoever may see them. */
  readonly now: (db: Db, ids: readonly string[]) => Promise<readonly (Row | null)[]>;
}

/** Makes a noun that only its admins may see a node, and one that events can be about. */
export function administeredSubject<Row extends { readonly projectIds: readonly string[] | null }>(
  noun: ObjectRef<Types, Row>,
  type: SubjectType,
  { idOf, find, now }: Administered<Row>,
): void {
  // Which of them an admin may see is asked in SQL: Prisma has no condition for "reaches no further than".
  builder.nodeRef(noun, {
    id: { resolve: idOf },
    loadMany: async (ids: string[], ctx: GraphQLContext) => {
      const found = new Map((await find(ctx, ids)).map((row) => [idOf(row), row]));
      return ids.map((id) => found.get(id) ?? null);
    },
  });
  const loadNow = loader({
    idOf: (id: string) => id,
    // Whom it may be shown to is known once it is read.
    visible: ({ role }) => role === "admin",
    read: ({ db }, ids) => now(db, ids),
  });
  subject(noun, type, {
    keyOf: (row) => ({ projectId: null, id: idOf(row) }),
    load: async (ctx, { id }, asOf) => administered(ctx, await loadNow(ctx, id, undefined, asOf)),
  });
}

const EventSubject = builder.unionType("EventSubject", {
  description: "What an event can be about.",
  types: () => NOUNS,
});

builder.objectField(Event, "subject", (t) =>
  t.field({
    type: EventSubject,
    nullable: true,
    description:
      "What it is about, as it is now, deleted tasks too. null where that is gone, is no thing of its own (an artifact ID), or is a key or webhook that you do not administer.",
    resolve: ({ projectId, subjectType, subjectId, position }, _args, ctx, info) =>
      LOADS.get(subjectType)?.(ctx, { projectId, id: subjectId }, ctx.asOf && position, info),
  }),
);
