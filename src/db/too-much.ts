import { type Requester, RequestStopped } from "./requester.ts";

/** An answer, and so what is read for it, has this many bytes at most. */
export const LARGEST_ANSWER_BYTES = 16 * 1024 * 1024;

/** How long the database works on one statement at most, in milliseconds. */
export const STATEMENT_MS = 2_500;

/** Why a request is refused whose answer would be larger than `LARGEST_ANSWER_BYTES`. */
export const answerTooLarge = (requester: Requester | undefined) =>
  tooMuch(
    requester,
    `The answer would be larger than ${LARGEST_ANSWER_BYTES / 1024 / 1024} MB.`,
    "Lower first, leave out long texts (description, contextNotes, completionNotes, checkpoint, metadata)",
    { limitBytes: LARGEST_ANSWER_BYTES },
  );

/** Why a request ends that has held connections for so many seconds. */
export const workedTooLong = (requester: Requester | undefined, seconds: number) =>
  tooMuch(
    requester,
    `This request has kept the database busy for ${seconds} seconds, which is the limit.`,
    "Lower first, narrow the filter (a text search is dear)",
    { limitSeconds: seconds },
  );

/** Why a read is refused that was ended by the limit on each statement. */
export const statementTooSlow = (requester: Requester | undefined) =>
  tooMuch(
    requester,
    `One statement took longer than ${STATEMENT_MS / 1000} seconds.`,
    "Narrow the filter (a text search is dear), lower first",
    { limitSeconds: STATEMENT_MS / 1000 },
  );

function tooMuch(
  { price, wrote }: Pick<Requester, "price" | "wrote"> = { price: null, wrote: false },
  fault: string,
  remedy: string,
  limit: Record<string, number>,
): RequestStopped {
  const sentences = [
    fault,
    ...(wrote ? ["The changes that it made before are kept: look before you repeat it."] : []),
    `${remedy}${price?.most.startsWith("taskEvents") ? ", lower most, which is the events of a frame" : ""}, or ask for less in each of several requests.`,
    ...(price?.most ? [`This operation costs ${price.nodes}, and most of it is ${price.most}.`] : []),
  ];
  return new RequestStopped(sentences.join(" "), { ...(price && { cost: price.nodes, most: price.most }), ...limit });
}
