import { existingDay } from "./calendar.ts";
import { listed, PatternFault } from "./pattern-fault.ts";
import { every, type Frequency, LONGEST_INTERVAL, type Rule, type Until } from "./rule.ts";

const FREQUENCIES: readonly Frequency[] = ["DAILY", "WEEKLY", "MONTHLY", "YEARLY"];
const WEEKDAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
const MOST_TIMES = 10_000;
const EXAMPLE = "FREQ=WEEKLY;BYDAY=MO,WE";
const OWN_TIME = "every occurrence has the time of dueDate. Leave it out";

/** What is refused, and why. */
const REFUSED: Readonly<Record<string, string>> = {
  BYHOUR: OWN_TIME,
  BYMINUTE: OWN_TIME,
  BYSECOND: OWN_TIME,
  RSCALE: "only the Gregorian calendar is known. Leave it out",
  SKIP: "it needs RSCALE, which is not known. Leave it out; monthly:31 takes the last day of shorter months",
  DTSTART: "the start is dueDate. Leave it out",
  TZID: "the zone is recurrenceTimeZone. Leave it out",
};

/** One part of an RRULE: what it says of the rule. */
type Part = (value: string) => Partial<Rule>;

const PARTS: Readonly<Record<string, Part>> = {
  FREQ: (value) => ({ frequency: frequencyOf(value) }),
  INTERVAL: (value) => ({ interval: numberIn("INTERVAL", value, 1, LONGEST_INTERVAL, "INTERVAL=2") }),
  COUNT: (value) => ({ count: numberIn("COUNT", value, 1, MOST_TIMES, "COUNT=10") }),
  UNTIL: (value) => ({ until: untilOf(value) }),
  WKST: (value) => ({ weekStart: weekdayIn("WKST", value, "WKST=MO") }),
  BYMONTH: (value) => ({ months: numbers("BYMONTH", value, 1, 12, "BYMONTH=1,7") }),
  BYMONTHDAY: (value) => ({ monthDays: signed("BYMONTHDAY", value, 31, "BYMONTHDAY=1,-1") }),
  BYYEARDAY: (value) => ({ yearDays: signed("BYYEARDAY", value, 366, "BYYEARDAY=1,-1") }),
  BYWEEKNO: (value) => ({ weekNumbers: signed("BYWEEKNO", value, 53, "BYWEEKNO=1,27") }),
  BYSETPOS: (value) => ({ positions: signed("BYSETPOS", value, 366, "BYSETPOS=-1") }),
  BYDAY: (value) => ({ weekdays: listed(value, "BYDAY=MO,WE").map(ruleWeekday) }),
};

/**
 * Reads an RRULE of RFC 5545 that recurs at most once a date.
 * @throws PatternFault naming the part that is wrong
 */
export function readRrule(text: string): Rule {
  const said: Record<string, string> = {};
  for (const part of text.split(";")) {
    const [, given = "", value = ""] = /^([^=]*)=(.+)$/.exec(part) ?? [];
    const name = given.toUpperCase();
    if (name === "") throw new PatternFault(`"${part}" is no part of an RRULE; give NAME=value, as in ${EXAMPLE}`);
    const why = Object.hasOwn(REFUSED, name) ? REFUSED[name] : undefined;
    if (why !== undefined) throw new PatternFault(`${name} is refused: ${why}, as in ${EXAMPLE}`);
    if (!Object.hasOwn(PARTS, name))
      throw new PatternFault(`${name} is unknown; give some of ${Object.keys(PARTS).join(", ")}, as in ${EXAMPLE}`);
    if (Object.hasOwn(said, name)) throw new PatternFault(`${name} stands twice; give it once, as in ${EXAMPLE}`);
    said[name] = value.toUpperCase();
  }
  if (said["FREQ"] === undefined) throw new PatternFault(`FREQ is missing; as in ${EXAMPLE}`);
  const parts = Object.entries(said).map(([name, value]) => PARTS[name]?.(value));
  const rule: Rule = Object.assign({ ...every("DAILY") }, ...parts);
  refuseTogether(rule);
  return rule;
}

/** What does not go together, by RFC 5545 or because nobody agrees on what it means. */
function refuseTogether(rule: Rule): void {
  const { frequency, weekdays, weekNumbers, positions } = rule;
  const isNumbered = weekdays?.some(({ nth }) => nth !== null) ?? false;
  const narrowed = weekdays ?? weekNumbers ?? rule.months ?? rule.monthDays ?? rule.yearDays;
  const faults: readonly (readonly [isSo: boolean, fault: string])[] = [
    [rule.count !== null && rule.until !== null, "COUNT and UNTIL exclude each other; give one, as in COUNT=10"],
    [
      isNumbered && frequency !== "MONTHLY" && frequency !== "YEARLY",
      `BYDAY has a numbered weekday, which FREQ=${frequency} does not know; give FREQ=MONTHLY;BYDAY=2MO, or BYDAY=MO`,
    ],
    [isNumbered && weekNumbers !== null, "BYDAY has a numbered weekday beside BYWEEKNO; give BYWEEKNO=20;BYDAY=MO"],
    [
      rule.monthDays !== null && frequency === "WEEKLY",
      "BYMONTHDAY does not go with FREQ=WEEKLY; give FREQ=MONTHLY;BYMONTHDAY=15",
    ],
    [
      rule.yearDays !== null && frequency !== "YEARLY",
      `BYYEARDAY does not go with FREQ=${frequency}; give FREQ=YEARLY;BYYEARDAY=100`,
    ],
    [
      weekNumbers !== null && frequency !== "YEARLY",
      `BYWEEKNO does not go with FREQ=${frequency}; give FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO`,
    ],
    [weekNumbers !== null && weekdays === null, "BYWEEKNO needs BYDAY; give FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO"],
    [
      positions !== null && frequency === "DAILY",
      "BYSETPOS does not go with FREQ=DAILY; give FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
    ],
    [
      positions !== null && !narrowed,
      "BYSETPOS needs something to choose from; give FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
    ],
  ];
  for (const [isSo, fault] of faults) if (isSo) throw new PatternFault(fault);
}

function frequencyOf(value: string): Frequency {
  const found = FREQUENCIES.find((frequency) => frequency === value);
  if (found) return found;
  const why = /^(SECONDLY|MINUTELY|HOURLY)$/.test(value)
    ? `FREQ=${value} is refused: something recurs at most once a date`
    : `FREQ=${value} is unknown`;
  throw new PatternFault(`${why}; give ${FREQUENCIES.join(", ")}, as in ${EXAMPLE}`);
}

/** As many digits as RFC 5545 allows, which may begin with zeros. */
const isNumber = (text: string, most: number) => /^\d+$/.test(text) && text.length <= String(most).length;

function numberIn(name: string, text: string, least: number, most: number, example: string): number {
  const value = isNumber(text, most) ? Number(text) : null;
  if (value === null || value < least || value > most)
    throw new PatternFault(`${name}=${text} is no number from ${least} to ${most}; as in ${example}`);
  return value;
}

const numbers = (name: string, text: string, least: number, most: number, example: string) =>
  listed(text, example).map((value) => numberIn(name, value, least, most, example));

/** Counted from the start, or from the end where they are negative. */
const signed = (name: string, text: string, most: number, example: string) =>
  listed(text, example).map((value) => {
    const number = isNumber(value.replace(/^[+-]/, ""), most) ? Number(value) : null;
    if (number === null || number === 0 || Math.abs(number) > most)
      throw new PatternFault(`${name}=${value} is no number from 1 to ${most} or -1 to -${most}; as in ${example}`);
    return number;
  });

function weekdayIn(name: string, text: string, example: string): number {
  const weekday = WEEKDAYS.indexOf(text);
  if (weekday < 0) throw new PatternFault(`${name}=${text} is no weekday; give MO to SU, as in ${example}`);
  return weekday;
}

function ruleWeekday(text: string) {
  const [, number, name = text] = /^([+-]?\d{1,2})([A-Z]{2})$/.exec(text) ?? [];
  const nth = number === undefined ? null : Number(number);
  const weekday = weekdayIn("BYDAY", name, "BYDAY=MO,WE or BYDAY=2MO,-1FR");
  if (nth === 0 || (nth !== null && Math.abs(nth) > 53))
    throw new PatternFault(`BYDAY=${text} is not within 1 to 53 or -1 to -53; as in BYDAY=2MO,-1FR`);
  return { weekday, nth };
}

function untilOf(text: string): Until {
  const [, year, month, date, hour, minute, second, utc] =
    /^(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})(Z?))?$/.exec(text) ?? [];
  const day = existingDay(Number(year), Number(month), Number(date));
  const isTime = hour === undefined || (Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60);
  if (day === null || !isTime)
    throw new PatternFault(`UNTIL=${text} is no date; give UNTIL=20271231 or UNTIL=20271231T235959Z`);
  const time = hour === undefined ? null : ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1_000;
  return { day, time, utc: utc === "Z" };
}
