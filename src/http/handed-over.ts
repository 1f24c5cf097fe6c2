import type { ExecutionResult } from "graphql";

/**
 * The same result, which lets go of its data when that becomes text: whoever sends it keeps the result until all of it has
 * left, and it would stand in memory twice.
 */
export function handedOver({ data, ...rest }: ExecutionResult): ExecutionResult {
  if (data == null) return { data: null, ...rest };
  let kept: unknown = data;
  const toJSON = () => {
    const given = kept;
    kept = undefined;
    return given;
  };
  return { data: { toJSON }, ...rest };
}
