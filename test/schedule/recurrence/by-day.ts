import type { Rule } from "../../../src/schedule/recurrence/rule.ts";

/** What a calendar says of a day, by counting days one after another. */
interface CountedDay {
  readonly day: number;
  readonly year: number;
  readonly month: number;
  readonly date: number;
  readonly weekday: number;
  readonly ofYear: number;
}

const FIRST_YEAR = 1985;
const LAST_YEAR = 2090;

const days: CountedDay[] = [];
for (let day = Date.UTC(FIRST_YEAR, 0, 1) / 86_400_000, ofYear = 0, year = FIRST_YEAR; ; day++) {
  const at = new Date(day * 86_400_000);
  if (at.getUTCFullYear() > LAST_YEAR) break;
  ofYear = at.getUTCFullYear() === year ? ofYear + 1 : 1;
  year = at.getUTCFullYear();
  days.push({
    day,
    year,
    month: at.getUTCMonth() + 1,
    date: at.getUTCDate(),
    weekday: (at.getUTCDay() + 6) % 7,
    ofYear,
  });
}

const group = <Key>(of: readonly CountedDay[], key: (day: CountedDay) => Key) => [...Map.groupBy(of, key).values()];
const months = group(days, ({ year, month }) => year * 12 + month);
const years = group(days, ({ year }) => year);
const monthOf = new Map(months.flatMap((month) => month.map(({ day }) => [day, month] as const)));
const yearOf = new Map(years.flatMap((year) => year.map(({ day }) => [day, year] as const)));

/** Whole weeks from this weekday on. */
function weeksFrom(weekStart: number): CountedDay[][] {
  const weeks: CountedDay[][] = [];
  for (const day of days)
    if (day.weekday === weekStart) weeks.push([day]);
    else weeks.at(-1)?.push(day);
  return weeks;
}

/** Each week belongs to the year that has most of it. */
function weekYearsFrom(weekStart: number): CountedDay[][][] {
  const most = (week: readonly CountedDay[]) => (week[3] ?? week[0])?.year;
  return [...Map.groupBy(weeksFrom(weekStart), most).values()];
}

/** The dates of a rule by looking at each day: a model that knows nothing of how the rule is followed. */
export function byDay(asked: Rule, startsOn: number, until: number): number[] {
  const start = days.find(({ day }) => day === startsOn);
  if (!start) throw new Error("The model does not reach so far back");
  const rule = completed(asked, start);
  const periods = periodsOf(rule);
  const first = periods.findIndex((period) => period.some(({ day }) => day === startsOn));
  return periods
    .filter((_, i) => i >= first && (i - first) % rule.interval === 0)
    .flatMap((period) =>
      chosen(
        rule,
        period.filter((day) => fits(rule, day, period)),
      ),
    )
    .filter((day) => day >= startsOn && day <= until);
}

function periodsOf({ frequency, weekStart, weekNumbers }: Rule): readonly (readonly CountedDay[])[] {
  if (frequency === "DAILY") return days.map((day) => [day]);
  if (frequency === "WEEKLY") return weeksFrom(weekStart);
  if (frequency === "MONTHLY") return months;
  return weekNumbers ? weekYearsFrom(weekStart).map((weeks) => weeks.flat()) : years;
}

function completed(rule: Rule, start: CountedDay): Rule {
  const isOpen = !(rule.weekdays || rule.monthDays || rule.yearDays || rule.weekNumbers);
  if (!isOpen || rule.frequency === "DAILY") return rule;
  if (rule.frequency === "WEEKLY") return { ...rule, weekdays: [{ weekday: start.weekday, nth: null }] };
  const isWholeYear = rule.frequency === "YEARLY" && !rule.months;
  return { ...rule, monthDays: [start.date], months: isWholeYear ? [start.month] : rule.months };
}

function fits(rule: Rule, day: CountedDay, period: readonly CountedDay[]): boolean {
  const month = monthOf.get(day.day) ?? [];
  const year = yearOf.get(day.day) ?? [];
  const ofMonth = (wanted: number) => {
    if (rule.clamped && wanted > month.length) return month.at(-1) === day;
    return month.at(wanted > 0 ? wanted - 1 : wanted) === day && Math.abs(wanted) <= month.length;
  };
  const span = rule.frequency === "YEARLY" && !rule.months ? year : month;
  const alike = () => span.filter(({ weekday }) => weekday === day.weekday);
  return (
    (rule.months?.includes(day.month) ?? true) &&
    (rule.monthDays?.some(ofMonth) ?? true) &&
    (rule.yearDays?.some((wanted) => year.at(wanted > 0 ? wanted - 1 : wanted) === day) ?? true) &&
    (rule.weekNumbers?.some((wanted) => {
      const weeks = period.length / 7;
      const week = wanted > 0 ? wanted - 1 : weeks + wanted;
      return period.slice(week * 7, week * 7 + 7).includes(day) && week >= 0;
    }) ??
      true) &&
    (rule.weekdays?.some(
      ({ weekday, nth }) => weekday === day.weekday && (nth === null || alike().at(nth > 0 ? nth - 1 : nth) === day),
    ) ??
      true)
  );
}

function chosen({ positions }: Rule, dates: readonly CountedDay[]): number[] {
  const taken = positions
    ? dates.filter((day) => positions.some((position) => dates.at(position > 0 ? position - 1 : position) === day))
    : dates;
  return taken.map(({ day }) => day);
}
