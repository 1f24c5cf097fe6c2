import { verb } from "../access/verb.ts";
import type { Context } from "../access/viewer.ts";
import type { Given } from "../db/noun.ts";
import { isUuid } from "../db/storable.ts";
import { notFound } from "../errors.ts";
import { append } from "../log/write/append.ts";
import { ENHANCEMENT, type EnhancementFields, type EnhancementKey } from "./enhancement.ts";
import { changeRow, existingProject, fitting, requireVersion } from "./records.ts";

export interface UpdateEnhancement extends EnhancementKey, Given<EnhancementFields, "update"> {
  readonly expectedVersion?: number | null | undefined;
}

const LOCK = {
  name: "enhancement-lock",
  text: "SELECT version FROM enhancements WHERE project_id = $1 AND enhancement_id = $2 FOR NO KEY UPDATE",
};

/** @throws PROJECT_NOT_FOUND, NOT_FOUND */
async function lockEnhancement(ctx: Context, { projectId, enhancementId }: EnhancementKey) {
  await existingProject(ctx, { projectId });
  const [locked] = isUuid(enhancementId)
    ? await ctx.db.write<{ version: number }>(LOCK, [projectId, enhancementId])
    : [];
  if (!locked) throw notFound("Enhancement", enhancementId);
  return locked;
}

/**
 * Changes what is said of an enhancement. What is left out stays, null empties what may be empty; nothing new leaves the
 * version as it is and no event.
 * @throws PROJECT_NOT_FOUND, NOT_FOUND, VERSION_CONFLICT, BAD_USER_INPUT
 */
export const updateEnhancement = verb(
  {
    name: "updateEnhancement",
    role: "agent",
    effect: "changes",
    scope: "project",
    idempotent: true,
    on: lockEnhancement,
  },
  async (ctx, input: UpdateEnhancement, { version }): Promise<EnhancementKey> => {
    const { projectId } = input;
    const enhancementId = input.enhancementId.toLowerCase();
    requireVersion("Enhancement", version, input.expectedVersion);
    const data = fitting(ENHANCEMENT.check("update", input));
    const place = { table: "enhancements", key: { project_id: projectId, enhancement_id: enhancementId } };
    const changes = await changeRow(ctx.db, ENHANCEMENT, place, data);
    const of = { projectId, subjectType: "enhancement", subjectId: enhancementId } as const;
    if (changes) await append(ctx, { type: "enhancement.updated", ...of, payload: { changes } });
    return { projectId, enhancementId };
  },
);
