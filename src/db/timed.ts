/** Told of a statement that has ended: its name, undefined for one that has none, and how long it took. */
export type OnStatement = (name: string | undefined, ms: number) => void;

/**
 * A client's `query` that tells how long each statement took, whichever of its forms it is called in, while there is
 * somebody to tell.
 */
export function timed<Query extends (...given: never[]) => unknown>(
  query: Query,
  listener: () => OnStatement | null,
): Query {
  return new Proxy(query, {
    apply(target, client, given: unknown[]) {
      const tell = listener();
      if (!tell) return Reflect.apply(target, client, given);
      const name = nameOf(given[0]);
      const begunAt = performance.now();
      const ended = () => tell(name, performance.now() - begunAt);
      const callback = given.at(-1);
      if (typeof callback === "function") {
        const heard = (...answer: unknown[]) => {
          ended();
          Reflect.apply(callback, undefined, answer);
        };
        return Reflect.apply(target, client, [...given.slice(0, -1), heard]);
      }
      const answer: unknown = Reflect.apply(target, client, given);
      if (answer instanceof Promise) answer.then(ended, ended);
      return answer;
    },
  });
}

/** Its own, or the word that a transaction begins or ends with. */
function nameOf(query: unknown): string | undefined {
  if (typeof query === "string") return /^(begin|commit|rollback)\b/i.exec(query)?.[1]?.toLowerCase();
  return typeof query === "object" && query !== null && "name" in query && typeof query.name === "string"
    ? query.name
    : undefined;
}
