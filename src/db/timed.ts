/**
 * Told of a statement as it is sent: its name, undefined for one that has none. What it answers is called at the end, with
 * why it failed.
 */
export type OnStatement = (name: string | undefined) => (error?: unknown) => void;

/** One that tells all of these; null where there is none. */
export function toAll(given: readonly (OnStatement | null | undefined)[]): OnStatement | null {
  const [first, ...more] = given.filter((one) => one != null);
  if (!first) return null;
  if (more.length === 0) return first;
  return (name) => {
    const ends = [first, ...more].map((tell) => tell(name));
    return (error) => {
      for (const end of ends) end(error);
    };
  };
}

/** A client's `query` that tells of each statement, whichever of its forms it is called in, while there is somebody to tell. */
export function timed<Query extends (...given: never[]) => unknown>(
  query: Query,
  listener: () => OnStatement | null,
): Query {
  return new Proxy(query, {
    apply(target, client, given: unknown[]) {
      const tell = listener();
      if (!tell) return Reflect.apply(target, client, given);
      const ended = tell(nameOf(given[0]));
      const callback = given.at(-1);
      if (typeof callback === "function") {
        const heard = (...answer: unknown[]) => {
          ended(answer[0]);
          Reflect.apply(callback, undefined, answer);
        };
        return Reflect.apply(target, client, [...given.slice(0, -1), heard]);
      }
      const answer: unknown = Reflect.apply(target, client, given);
      if (answer instanceof Promise) answer.then(() => ended(), ended);
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
