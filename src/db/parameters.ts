/** Adds a parameter to a statement and answers its placeholder. */
export type Bind = (value: unknown) => string;

/** Collects the parameters of a statement as it is put together. */
export function parameters(): { readonly values: unknown[]; readonly bind: Bind } {
  const values: unknown[] = [];
  return {
    values,
    bind: (value) => {
      values.push(value);
      return `$${values.length}`;
    },
  };
}
