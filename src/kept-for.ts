/**
 * What is kept for its owner, a request or a process, or something else that comes and goes: made by the first who asks
 * for it, and gone with the owner.
 * @param make may need more than the owner, which the first to ask gives.
 */
export function keptFor<Owner extends object, Made, Rest extends readonly unknown[] = []>(
  make: (owner: Owner, ...rest: Rest) => Made,
): (owner: Owner, ...rest: Rest) => Made {
  const kept = new WeakMap<Owner, { readonly made: Made }>();
  return (owner, ...rest) => {
    const known = kept.get(owner) ?? { made: make(owner, ...rest) };
    kept.set(owner, known);
    return known.made;
  };
}
