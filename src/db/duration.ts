/** A length of time that is the same everywhere: months and years are none, and a day has 24 hours. */

const SECONDS_OF = { minute: 60, hour: 3_600, day: 86_400, week: 604_800 } as const;
const UNITS = Object.keys(SECONDS_OF).map((unit) => `${unit}s`);

const WORDS = /^(\d{1,9}) (minute|hour|day|week)s?$/i;
/** The parts of ISO 8601, from weeks to seconds. */
const ISO = /^P(?=\d|T\d)(?:(\d{1,9})W)?(?:(\d{1,9})D)?(?:T(?=\d)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?$/;
const OF_ISO = [604_800, 86_400, 3_600, 60, 1];

const LONGEST_DAYS = 366;
const EXAMPLES = '"30 minutes", "1 hour", "2 days", "1 week", or in ISO 8601 PT1H, P1D';

/** How many seconds it lasts; undefined where the text, all of it, is no such length. */
function secondsOf(given: string): number | undefined {
  const [, count, unit = ""] = WORDS.exec(given) ?? [];
  const of = Object.entries(SECONDS_OF).find(([name]) => name === unit.toLowerCase());
  if (count !== undefined && of) return Number(count) * of[1];
  const [, ...parts] = ISO.exec(given) ?? [];
  if (parts.length === 0) return undefined;
  return parts.reduce((sum, part, i) => sum + Number(part ?? 0) * (OF_ISO[i] ?? 0), 0);
}

/** How many seconds a length lasts that was found right. */
export const durationSeconds = (given: string): number => secondsOf(given) ?? 0;

/** What is wrong with what should be such a length, with a right one; undefined when nothing is. */
export function durationFault(given: string): string | undefined {
  const seconds = secondsOf(given);
  const zeros = /^0+(?=\d+ )/.exec(given)?.[0];
  if (zeros === undefined && seconds !== undefined && seconds <= LONGEST_DAYS * SECONDS_OF.day) return undefined;
  const why =
    zeros !== undefined
      ? `${quoted(zeros)} stands before its number`
      : seconds === undefined
        ? wrongPart(given)
        : `it is longer than ${LONGEST_DAYS} days`;
  return `${JSON.stringify(given.slice(0, 100))} is no length of time: ${why}. Write it like ${EXAMPLES}`;
}

function wrongPart(given: string): string {
  if (/^P/i.test(given)) return wrongPartOfIso(given);
  const [, count = "", unit = "", rest = ""] = /^(\S*) ?(\S*)(.*)$/s.exec(given) ?? [];
  if (!/^\d{1,9}$/.test(count)) return `${quoted(count)} is no whole number`;
  if (!WORDS.test(`1 ${unit}`)) return `${quoted(unit)} is none of ${UNITS.join(", ")}`;
  return `${quoted(rest)} is too much`;
}

function wrongPartOfIso(given: string): string {
  if (/^P\d+(Y|M)/.test(given)) return "years and months are of different lengths";
  const right = /^P(?:\d{1,9}W)?(?:\d{1,9}D)?(?:T(?:\d{1,9}H)?(?:\d{1,9}M)?(?:\d{1,9}S)?)?/.exec(given)?.[0] ?? "";
  const rest = given.slice(right.length);
  return rest === "" ? "it ends before it says how long" : `${quoted(rest)} is wrong there`;
}

const quoted = (part: string) => JSON.stringify(part.slice(0, 40));
