import DataLoader from "dataloader";
import type { Viewer } from "../src/access/viewer.ts";
import type { Db } from "../src/db/database.ts";
import { background, currentRequester, type Requester } from "../src/db/requester.ts";
import { mayShare, together } from "../src/db/together.ts";
import { DocketError } from "../src/errors.ts";
import { keptFor } from "../src/kept-for.ts";
import type { Log } from "../src/log/log.ts";
import type { GraphQLContext, Sources } from "./context.ts";
import { ShortMemory } from "./short-memory.ts";

export interface Loading<Key, Value, Args> {
  /** Keys of the same id ask for the same. */
  readonly idOf: (key: Key) => string;
  /** Whether the viewer may see what the key names. The statement asks for nobody, so that its answer can be shared. */
  readonly visible: (viewer: Viewer, key: Key) => boolean;
  /** The values of the keys, in their order: one statement, however many keys there are. */
  readonly read: (from: Sources, keys: readonly Key[], args: Args) => Promise<readonly Value[]>;
}

/** @param asOf the place in the log that the answer must not be older than; by default that of the frame. Only in subscriptions. */
export type Load<Key, Value, Args> = (
  ctx: GraphQLContext,
  key: Key,
  args: Args,
  asOf?: string | number | null,
) => Promise<Value | undefined>;

interface Wanted<Key, Args> {
  readonly id: string;
  readonly key: Key;
  readonly args: Args;
  /** The arguments as text. */
  readonly shape: string;
}

/**
 * What belongs to many rows (their project, their attempts, a page of tasks each), read in one statement for all rows
 * of a level that ask with the same arguments, and for all requests of one key that ask in the same turn of the event
 * loop.
 *
 * Of a query or mutation nothing is kept, so that a mutation's payload shows what the mutation did. In the frames of
 * subscriptions an answer is shared by the whole process: however many subscribers show a row, it is read once per
 * place in the log. What is read together for many has the limits of one request, and takes turns like a key. Beyond
 * them each request or frame reads for itself, so that only the one fails that asks for too much.
 * @returns undefined for what the viewer may not see.
 */
export function loader<Key, Value, Args = void>(loading: Loading<Key, Value, Args>): Load<Key, Value, Args> {
  const ofRequest = keptFor(
    (ctx: GraphQLContext) =>
      new DataLoader<Wanted<Key, Args>, Value>((batch) => readBatch(loading, ctx, batch), { cache: false }),
  );
  // A process has one log.
  const ofTurn = keptFor((log: Log, db: Db) => turnLoader(loading, { db, log }));
  const ofFrames = keptFor((log: Log, db: Db) => sharedLoader(loading, { db, log }));

  return async (ctx, key, args, asOf = ctx.asOf) => {
    if (!loading.visible(ctx.viewer, key)) return undefined;
    const wanted = { id: loading.idOf(key), key, args, shape: JSON.stringify(args) ?? "" };
    const requester = currentRequester();
    try {
      if (asOf !== null) return await ofFrames(ctx.log, ctx.db).load({ ...wanted, asOf });
      if (mayShare(requester)) return await ofTurn(ctx.log, ctx.db)({ ...wanted, requester });
    } catch (error) {
      if (!(error instanceof TooMuchTogether)) throw error;
    }
    return ofRequest(ctx).load(wanted);
  };
}

/** What was asked for together went beyond the limits of one request. */
class TooMuchTogether extends Error {}

const isTooComplex = (error: unknown): boolean => error instanceof DocketError && error.code === "QUERY_TOO_COMPLEX";

/** What was read before the limit counts for whoever asked, too: it asks for all of it by itself. */
const orTooMuch = <Value>(read: (Value | Error)[]): (Value | Error)[] =>
  read.some(isTooComplex) ? read.map(() => new TooMuchTogether()) : read;

type OfRequester<Key, Args> = Wanted<Key, Args> & { readonly requester: Requester };

/** One statement for what the requests of a key ask for in the same turn of the event loop; nothing is remembered after it. */
function turnLoader<Key, Value, Args>(loading: Loading<Key, Value, Args>, process: Sources) {
  const gathering = new Map<string, DataLoader<OfRequester<Key, Args>, Value>>();

  async function read(batch: readonly OfRequester<Key, Args>[]): Promise<(Value | Error)[]> {
    const parts = Map.groupBy(batch, ({ requester }) => requester);
    if (parts.size === 1) return readBatch(loading, process, batch);
    const shares = [...parts].map(([requester, { length }]) => ({ requester, share: length / batch.length }));
    return orTooMuch(await together(shares, () => readBatch(loading, process, batch)));
  }

  function gather(of: string) {
    const made = new DataLoader(read, {
      cache: false,
      batchScheduleFn: (load) =>
        void setImmediate(() => {
          gathering.delete(of);
          load();
        }),
    });
    gathering.set(of, made);
    return made;
  }

  return (wanted: OfRequester<Key, Args>): Promise<Value> => {
    // What is asked otherwise, or by another key, is not waited for.
    const of = `${String(wanted.requester.key)} ${wanted.shape}`;
    return (gathering.get(of) ?? gather(of)).load(wanted);
  };
}

interface AsOf {
  readonly asOf: string | number;
}

const asFrames = background("frames", { limited: true });

function sharedLoader<Key, Value, Args>(loading: Loading<Key, Value, Args>, process: Sources) {
  const shared: DataLoader<Wanted<Key, Args> & AsOf, Value, string> = new DataLoader(
    async (batch) => {
      const values = orTooMuch(await asFrames(() => readBatch(loading, process, batch)));
      // What failed is asked for again.
      for (const [i, value] of values.entries()) if (value instanceof Error && batch[i]) shared.clear(batch[i]);
      return values;
    },
    {
      cacheKeyFn: ({ asOf, id, shape }) => `${asOf} ${id} ${shape}`,
      cacheMap: new ShortMemory<Promise<Value>>(),
    },
  );
  return shared;
}

/** One statement for each shape of the question; one that fails does not fail the others. */
async function readBatch<Key, Value, Args>(
  { read }: Loading<Key, Value, Args>,
  from: Sources,
  batch: readonly Wanted<Key, Args>[],
): Promise<(Value | Error)[]> {
  const values = new Map<string, Value | Error>();
  const shapes = [...Map.groupBy(batch, ({ shape }) => shape)];
  await Promise.all(
    shapes.map(async ([shape, group]) => {
      // Several rows may ask for the same: fifty tasks for their one project.
      const wanted = [...new Map(group.map((one) => [one.id, one])).values()];
      const [first] = wanted;
      if (!first) return;
      const keys = wanted.map(({ key }) => key);
      const found = await read(from, keys, first.args).catch((error: unknown) => keys.map(() => asError(error)));
      for (const [i, value] of found.entries()) values.set(`${shape} ${wanted[i]?.id}`, value);
    }),
  );
  return batch.map(({ shape, id }) => {
    const value = values.get(`${shape} ${id}`);
    return value === undefined ? new Error(`Nothing was read for ${id}`) : value;
  });
}

const asError = (error: unknown) => (error instanceof Error ? error : new Error(String(error)));
