import type { Looking, Sight } from "../src/access/visibility.ts";
import type { GraphQLContext } from "./context.ts";
import { loader } from "./loader.ts";

/** A list that is read once for all requests of a key that ask for the same in one turn of the event loop. */
export function listLoader<Args, List>(
  list: (ctx: Looking, args: Args) => Promise<List>,
): (ctx: GraphQLContext, args: Args) => Promise<List> {
  const load = loader({
    idOf: ({ projectIds }: Sight) => JSON.stringify(projectIds),
    // The list itself keeps to what its viewer sees.
    visible: () => true,
    read: ({ db }, sights: readonly Sight[], args: Args) =>
      Promise.all(sights.map(({ projectIds }) => list({ db, viewer: { projectIds } }, args))),
  });
  return async (ctx, args) => {
    const found = await load(ctx, ctx.viewer, args);
    if (found === undefined) throw new Error("A list was not read");
    return found;
  };
}
