import type { ExecutionResult } from "graphql";

/**
 * The same result, which lets go of its data when that becomes text: its sender keeps the result until all of it has
 * left, and it would stand in memory twice.
 */
export function handedOver(result: ExecutionResult): ExecutionResult {
  let kept: unknown = result.data;
  if (!kept) return result;
  const toJSON = () => {
    const given = kept;
    kept = undefined;
    return given;
  };
  return { ...result, data: { toJSON } };
}
