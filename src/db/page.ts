import { badInput } from "../errors.ts";
import type { Bind } from "./parameters.ts";
import { isDay, isStorable, isUuid } from "./storable.ts";

/** The arguments of a Relay connection. */
export interface PageArgs {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
  /** false: nobody looks at the cursors, so that what they are made of need not be read. */
  readonly cursors?: boolean | undefined;
}

/** An order that a cursor can resume: every column of it, all in one direction, the last one unique. */
export interface Order {
  readonly name: string;
  /** `type` is one of those that a cursor's part can be checked for. */
  readonly columns: readonly { readonly sql: string; readonly type: string }[];
  readonly direction: Direction;
}

export type Direction = "ASC" | "DESC";

export interface Page<Row> {
  readonly edges: { readonly cursor: string; readonly node: Row }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
}

export const DEFAULT_SIZE = 50;
export const LARGEST_SIZE = 100;

/** A row with the values of the columns that it is ordered by; null where cursors were not wanted. */
export interface Keyed {
  readonly cursorKey: string[] | null;
}

/** The parts of a statement that reads one page, and how its rows become the page. */
export interface PageQuery {
  /** An expression to select as "cursorKey". */
  readonly key: string;
  /** A condition, TRUE for the first page. */
  readonly condition: string;
  /** ORDER BY … */
  readonly sort: string;
  /** LIMIT …: one row more than the page, to know whether there is a further one. */
  readonly limit: string;
  toPage<Row extends Keyed>(rows: readonly Row[]): Page<Row>;
}

/**
 * A keyset page in `order`: rows that move are neither skipped nor repeated by where a page began.
 * `bind` adds a parameter to the statement and answers its placeholder.
 * @throws BAD_USER_INPUT for a size outside 0 … 100, both directions at once, or a cursor of another list.
 */
export function pageQuery(args: PageArgs, order: Order, bind: Bind): PageQuery {
  const backward = args.last != null || args.before != null;
  // The schema's default cannot be told from the same number given.
  const firstGiven = args.first != null && args.first !== DEFAULT_SIZE;
  if (backward && (firstGiven || args.after != null))
    throw badInput("Page forward with first and after, or backward with last and before, not both.");
  const size = pageSize(backward ? args.last : args.first);
  const cursor = backward ? args.before : args.after;
  const descending = (order.direction === "DESC") !== backward;
  const columns = order.columns.map(({ sql }) => sql).join(", ");
  const sorted = order.columns.map(({ sql }) => `${sql} ${descending ? "DESC" : "ASC"}`).join(", ");
  return {
    key: args.cursors === false ? "NULL" : `ARRAY[${order.columns.map(({ sql }) => `(${sql})::text`).join(", ")}]`,
    condition:
      cursor == null
        ? "TRUE"
        : `(${columns}) ${descending ? "<" : ">"} (${decode(cursor, order)
            .map((value, i) => `${bind(value)}::${order.columns[i]?.type}`)
            .join(", ")})`,
    sort: `ORDER BY ${sorted}`,
    limit: `LIMIT ${bind(size + 1)}`,
    toPage: (rows) =>
      toPage(rows, {
        size,
        backward,
        resumed: cursor != null,
        cursorOf: ({ cursorKey }) => {
          if (cursorKey === null) throw new Error("The cursors of this page were not read");
          return cursorOf(cursorKey, order);
        },
      }),
  };
}

/** @throws BAD_USER_INPUT for a size outside 0 … 100. */
export function pageSize(asked: number | null | undefined): number {
  const size = asked ?? DEFAULT_SIZE;
  if (size < 0 || size > LARGEST_SIZE)
    throw badInput(`A page holds 0 to ${LARGEST_SIZE} items, not ${size}; follow pageInfo.endCursor for more.`);
  return size;
}

interface PageRead<Row> {
  readonly size: number;
  /** Whether it began at a cursor. */
  readonly resumed: boolean;
  readonly backward?: boolean;
  cursorOf(row: Row): string;
}

/** The page that rows become, read with one more than its size. */
export function toPage<Row>(
  rows: readonly Row[],
  { size, resumed, backward = false, cursorOf }: PageRead<Row>,
): Page<Row> {
  const more = rows.length > size;
  const kept = rows.slice(0, size);
  if (backward) kept.reverse();
  // A cursor is made for whoever looks at it.
  const edges = kept.map((node) => ({
    node,
    get cursor() {
      return cursorOf(node);
    },
  }));
  return {
    edges,
    pageInfo: {
      hasNextPage: backward ? resumed : more,
      hasPreviousPage: backward ? more : resumed,
      get startCursor() {
        return edges[0]?.cursor ?? null;
      },
      get endCursor() {
        return edges.at(-1)?.cursor ?? null;
      },
    },
  };
}

export const foreignCursor = () =>
  badInput("This cursor does not belong to this list and order. Begin again without one.");

/** Whether a text could be a value of the type as PostgreSQL writes it; what is not, it would refuse with an error. */
const FITS: Readonly<Record<string, (part: string) => boolean>> = {
  text: isStorable,
  uuid: isUuid,
  smallint: (part) => isSigned(part, 16),
  integer: (part) => isSigned(part, 32),
  bigint: (part) => isSigned(part, 64),
  timestamptz: (part) => part === "infinity" || part === "-infinity" || isTimestamp(part),
};

const isSigned = (part: string, bits: number) =>
  /^-?\d{1,19}$/.test(part) && BigInt.asIntN(bits, BigInt(part)) === BigInt(part);

const TIMESTAMP = /^(\d{4,6})(-\d\d-\d\d) (?:[01]\d|2[0-3])(?::[0-5]\d){2}(?:\.\d{1,6})?\+00$/;
const LAST_YEAR = 294_275;

function isTimestamp(part: string): boolean {
  const [, year = "", day = ""] = TIMESTAMP.exec(part) ?? [];
  // The calendar repeats every 400 years, and a Date reads only those of four digits.
  return Number(year) >= 1 && Number(year) <= LAST_YEAR && isDay(`${2000 + (Number(year) % 400)}${day}`);
}

/** The cursor of the row that has these values in the columns of the order. */
export function cursorOf(key: readonly string[], { name }: Order): string {
  return Buffer.from(JSON.stringify([name, ...key])).toString("base64url");
}

function decode(cursor: string, { name, columns }: Order): string[] {
  try {
    const [from, ...key]: unknown[] = JSON.parse(Buffer.from(cursor, "base64url").toString());
    const isPart = (part: unknown, i: number): part is string =>
      typeof part === "string" && FITS[columns[i]?.type ?? ""]?.(part) === true;
    if (from === name && key.length === columns.length && key.every(isPart)) return key;
  } catch {
    // falls through to the one message for every cursor that is not ours
  }
  throw foreignCursor();
}
