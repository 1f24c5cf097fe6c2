/** The members that say something: null, undefined and empty lists and objects cost a model tokens for nothing. */
export function withoutEmpties<Value extends object>(value: Value): { [Key in keyof Value]?: NonNullable<Value[Key]> } {
  const kept = Object.entries(value).filter(([, member]) => !isEmpty(member));
  return Object.fromEntries(kept) as { [Key in keyof Value]?: NonNullable<Value[Key]> };
}

function isEmpty(member: unknown): boolean {
  return member == null || (typeof member === "object" && Object.keys(member).length === 0);
}
