import { type DocumentNode, Kind, visit } from "graphql";
import type { Plugin } from "graphql-yoga";
import type { GraphQLContext } from "../../schema/context.ts";
import { takeLogCursor } from "../log/log-cursor.ts";

/**
 * Takes `logCursor` before any field of the operation runs: root fields run side by side, and a cursor newer than what
 * its neighbours read would lose the events between.
 */
export function useLogCursorFirst(): Plugin<GraphQLContext> {
  return {
    async onExecute({ args: { document, contextValue } }) {
      if (!mentionsLogCursor(document)) return;
      // A failure belongs to the field, which gets the same promise.
      await takeLogCursor(contextValue).catch(() => undefined);
    },
  };
}

/** The field may stand anywhere: a cursor that is taken in vain costs little. */
function mentionsLogCursor(document: DocumentNode): boolean {
  let found = false;
  visit(document, {
    [Kind.FIELD]({ name }) {
      if (name.value === "logCursor") found = true;
    },
  });
  return found;
}
