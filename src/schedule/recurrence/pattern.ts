import { lineBreak, listed, PatternFault, wholeNumber } from "./pattern-fault.ts";
import { readRrule } from "./rrule.ts";
import { every, LONGEST_INTERVAL, type Rule } from "./rule.ts";

/** The longest pattern, in characters. */
const LONGEST = 300;

const SHORT = "daily, weekly:MON,WED,FRI, monthly:1,15, yearly or custom:3d";
const EXAMPLES = `${SHORT}, or an RRULE like FREQ=MONTHLY;BYDAY=-1FR`;

/**
 * Reads how something recurs: in short, or as an RRULE of RFC 5545. The whole text has to fit.
 * @throws PatternFault naming the part that is wrong, with an example of a right one.
 */
export function readPattern(text: string): Rule {
  if (text.length > LONGEST) throw new PatternFault(`it has ${text.length} characters; at most ${LONGEST}`);
  if (lineBreak.test(text)) throw new PatternFault("it has a line break; give one line, and its start as dueDate");
  const strange = /[^ -~]/u.exec(text)?.[0];
  if (strange !== undefined)
    throw new PatternFault(`${JSON.stringify(strange)} is no letter or digit of a pattern; give ${EXAMPLES}`);
  if (/^RRULE:|^[A-Z]+=|;/i.test(text)) return readRrule(text.replace(/^RRULE:/i, ""));
  const [, word = "", rest = ""] = /^([^:]*):?(.*)$/.exec(text) ?? [];
  const read = READERS.get(word.toLowerCase());
  if (!read) throw new PatternFault(`"${word}" is no way to recur; give ${EXAMPLES}`);
  return read(rest);
}

const WEEKDAYS = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];

const READERS: ReadonlyMap<string, (rest: string) => Rule> = new Map([
  ["daily", (rest) => alone(rest, "daily", every("DAILY"))],
  ["yearly", (rest) => alone(rest, "yearly", { ...every("YEARLY"), clamped: true })],
  ["weekly", weekly],
  ["monthly", monthly],
  ["custom", custom],
]);

function alone(rest: string, word: string, rule: Rule): Rule {
  if (rest !== "") throw new PatternFault(`"${rest}" may not follow ${word}; give ${word} alone, or custom:3d`);
  return rule;
}

function weekly(rest: string): Rule {
  if (rest === "") return every("WEEKLY");
  const example = "MON to SUN, as in weekly:MON,WED,FRI";
  const weekdays = listed(rest, example).map((name) => {
    const weekday = WEEKDAYS.indexOf(name.toUpperCase());
    if (weekday < 0) throw new PatternFault(`"${name}" is no weekday; give ${example}`);
    return { weekday, nth: null };
  });
  return { ...every("WEEKLY"), weekdays };
}

function monthly(rest: string): Rule {
  const rule = { ...every("MONTHLY"), clamped: true };
  if (rest === "") return rule;
  const example = "1 to 31, as in monthly:1,15";
  const monthDays = listed(rest, example).map((text) => {
    const day = wholeNumber(text);
    if (day === null || day < 1 || day > 31)
      throw new PatternFault(`"${text}" is no day of a month; give ${example} (31 is the last day of any month)`);
    return day;
  });
  return { ...rule, monthDays };
}

function custom(rest: string): Rule {
  const [, digits = ""] = /^(\d+)d$/i.exec(rest) ?? [];
  const days = wholeNumber(digits);
  if (days === null || days < 1 || days > LONGEST_INTERVAL)
    throw new PatternFault(`"${rest}" is no number of days; give 1d to ${LONGEST_INTERVAL}d, as in custom:3d`);
  return every("DAILY", days);
}
