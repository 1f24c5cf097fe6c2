type Asked = "recurrencePattern" | "recurrenceTimeZone" | "recurrenceEndDate";

/** Says which part of what was asked for is wrong, why, and what would be right. */
export class PatternFault extends Error {
  override readonly name = "PatternFault";
  readonly field: Asked;

  constructor(message: string, field: Asked = "recurrencePattern") {
    super(message);
    this.field = field;
  }
}

export const lineBreak = /[\r\n\u2028\u2029]/;

/** More values than this say nothing that fewer would not. */
const MOST_VALUES = 62;

/** The values of a list. @param example stands in the fault. */
export function listed(text: string, example: string): readonly string[] {
  const values = text.split(",");
  if (values.length > MOST_VALUES)
    throw new PatternFault(`a list has ${values.length} values; at most ${MOST_VALUES}: give ${example}`);
  return values;
}

/** A whole number written as people do: no sign, no zero before it, nothing around it; null where it is none. */
export const wholeNumber = (text: string): number | null => (/^(?:0|[1-9]\d{0,5})$/.test(text) ? Number(text) : null);
