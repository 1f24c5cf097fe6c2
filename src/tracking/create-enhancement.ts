import { verb } from "../access/verb.ts";
import { makerOf } from "../access/viewer.ts";
import type { Given } from "../db/noun.ts";
import { append } from "../log/write/append.ts";
import { ENHANCEMENT, type EnhancementFields, type EnhancementKey } from "./enhancement.ts";
import { existingProject, fitting, insertRow } from "./records.ts";

export interface CreateEnhancement extends Given<EnhancementFields, "create"> {
  readonly projectId: string;
}

/** Notes what is wished for later. @throws PROJECT_NOT_FOUND, BAD_USER_INPUT */
export const createEnhancement = verb(
  {
    name: "createEnhancement",
    role: "agent",
    effect: "adds",
    scope: "project",
    idempotent: false,
    on: existingProject,
  },
  async (ctx, input: CreateEnhancement): Promise<EnhancementKey> => {
    const { projectId } = input;
    const given = ENHANCEMENT.filled(fitting(ENHANCEMENT.check("create", input)));
    const createdBy = given.createdBy ?? makerOf(ctx.viewer);
    const enhancement = await insertRow(ctx.db, ENHANCEMENT, "enhancements", { ...given, projectId, createdBy });
    const enhancementId = String(enhancement?.["enhancementId"]);
    const of = { projectId, subjectType: "enhancement", subjectId: enhancementId } as const;
    await append(ctx, { type: "enhancement.created", ...of, payload: { enhancement } });
    return { projectId, enhancementId };
  },
);
