import { type DocumentNode, Kind, visit } from "graphql";
import type { Plugin } from "graphql-yoga";
import type { GraphQLContext } from "../../schema/context.ts";
import { keptFor } from "../kept-for.ts";
import { takeLogCursor } from "../log/log-cursor.ts";

/**
 * Takes `logCursor` before any field of the operation runs: root fields run side by side, and a cursor newer than what
 * its neighbours read would lose the events between.
 */
export function useLogCursorFirst(): Plugin<GraphQLContext> {
  return {
    onExecute({ args: { document, contextValue } }) {
      // Most documents do not: this step is none for them, not even an empty one to wait for.
      return mentionsLogCursor(document) ? taken(contextValue) : undefined;
    },
  };
}

/** A failure belongs to the field, which gets the same promise. */
async function taken(ctx: GraphQLContext): Promise<void> {
  await takeLogCursor(ctx).catch(() => undefined);
}

/** The field may stand anywhere: a cursor that is taken in vain costs little. */
const mentionsLogCursor = keptFor((document: DocumentNode): boolean => {
  let found = false;
  visit(document, {
    [Kind.FIELD]({ name }) {
      if (name.value === "logCursor") found = true;
    },
  });
  return found;
});
