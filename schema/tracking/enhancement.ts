import { sees, visibleWhere } from "../../src/access/visibility.ts";
import { asUuid, isStorable } from "../../src/db/storable.ts";
import { notFound } from "../../src/errors.ts";
import { createEnhancement } from "../../src/tracking/create-enhancement.ts";
import {
  ENHANCEMENT,
  type EnhancementKey,
  type EnhancementStatus as EnhancementStatusShape,
} from "../../src/tracking/enhancement.ts";
import {
  BY_ENHANCEMENT_PRIORITY,
  ENHANCEMENTS,
  type EnhancementFilter,
  type EnhancementOrder,
  findEnhancement,
  listEnhancements,
} from "../../src/tracking/enhancements.ts";
import { updateEnhancement } from "../../src/tracking/update-enhancement.ts";
import { builder, type FieldBuilder } from "../builder.ts";
import { choiceEnum } from "../choice.ts";
import { DateFilterInput, enumFilterInput, IntFilterInput, StringFilterInput } from "../filters.ts";
import { listLoader } from "../list-loader.ts";
import { loader } from "../loader.ts";
import { mutation } from "../mutation.ts";
import { givenFields, shownFields } from "../noun.ts";
import { orderInput } from "../order.ts";
import { subject } from "../subject.ts";

export const EnhancementStatus = choiceEnum<EnhancementStatusShape>(
  "EnhancementStatus",
  "How far an enhancement has come.",
  {
    planned: "It is wished for.",
    approved: "It is to be done.",
    implementing: "It is being done.",
    completed: "It is done.",
  },
);

const Enhancement = builder.prismaNode("Enhancement", {
  nullable: true,
  description: "What is wished for later.",
  id: { resolve: ENHANCEMENTS.idOf },
  findUnique: (id, { viewer }) => {
    // What no row can hold is not found.
    const [projectId = "", enhancementId = ""] = isStorable(id) ? id.split("/") : [];
    return {
      projectId_enhancementId: { projectId, enhancementId: asUuid(enhancementId) },
      AND: [visibleWhere(viewer)],
    };
  },
});
builder.objectFields(Enhancement, (t) => shownFields(t, ENHANCEMENT, { status: EnhancementStatus }));

const loadEnhancement = loader({
  idOf: ENHANCEMENTS.idOf,
  visible: sees,
  read: ({ db }, keys: readonly EnhancementKey[]) => ENHANCEMENTS.find(db, keys),
});

subject(Enhancement, "enhancement", {
  keyOf: ({ projectId, enhancementId }) => ({ projectId, id: enhancementId }),
  load: async (ctx, { projectId, id }, asOf) =>
    projectId === null ? null : loadEnhancement(ctx, { projectId, enhancementId: id }, undefined, asOf),
});

const EnhancementConnection = builder.connectionObject(
  { name: "EnhancementConnection", type: Enhancement },
  { name: "EnhancementEdge" },
);

const EnhancementOrderInput = orderInput<EnhancementOrder["field"]>("Enhancement", {
  priority: "The highest first.",
  title: "By title.",
  createdAt: "When it was added.",
  updatedAt: "When it changed last.",
});

const EnhancementStatusFilter = enumFilterInput(EnhancementStatus);

const EnhancementFilterInput = builder.inputRef<EnhancementFilter>("EnhancementFilter").implement({
  description: "Everything given must hold; what is left out allows everything.",
  fields: (t) => ({
    projects: t.idList({ description: "PROJECT_NOT_FOUND if one is unknown or outside this key." }),
    title: t.field({ type: StringFilterInput, description: "What it is called." }),
    status: t.field({ type: EnhancementStatusFilter, description: "How far it has come." }),
    priority: t.field({ type: IntFilterInput, description: "1 highest … 5 lowest." }),
    targetQuarter: t.field({ type: StringFilterInput, description: "The quarter in which it should be done." }),
    createdBy: t.field({ type: StringFilterInput, description: "Who added it." }),
    createdAt: t.field({ type: DateFilterInput, description: "When it was added." }),
    updatedAt: t.field({ type: DateFilterInput, description: "When it changed last." }),
    and: t.field({ type: [EnhancementFilterInput], description: "Each of these holds." }),
    or: t.field({ type: [EnhancementFilterInput], description: "At least one of these holds." }),
    not: t.field({ type: EnhancementFilterInput, description: "This does not hold." }),
  }),
});

const loadEnhancements = listLoader(listEnhancements);

builder.queryFields((t) => ({
  enhancement: t.field({
    type: Enhancement,
    nullable: true,
    description: "One enhancement. NOT_FOUND when there is none that this key sees.",
    args: { enhancementId: t.arg.id({ required: true, description: "enhancementId, from enhancements." }) },
    resolve: (_root, { enhancementId }, ctx) => findEnhancement(ctx, enhancementId),
  }),
  enhancements: t.connection(
    {
      type: Enhancement,
      nullable: true,
      description:
        "Enhancements of a project, or of every project this key sees that is not archived, in pages of at most 100 (default 50). PROJECT_NOT_FOUND",
      args: {
        projectId: t.arg.id({ description: "Of this project alone." }),
        filter: t.arg({ type: EnhancementFilterInput, description: "Which enhancements." }),
        orderBy: t.arg({
          type: EnhancementOrderInput,
          defaultValue: BY_ENHANCEMENT_PRIORITY,
          description: "By priority, unless told.",
        }),
      },
      resolve: (_root, args, ctx) => loadEnhancements(ctx, args),
    },
    EnhancementConnection,
  ),
}));

/** The enhancement of a mutation's result. */
const enhancementOf = <Parent extends EnhancementKey>(t: FieldBuilder<Parent>) =>
  t.field({
    type: Enhancement,
    description: "As it is now.",
    resolve: async (key, _args, ctx) =>
      (await loadEnhancement(ctx, key)) ?? Promise.reject(notFound("Enhancement", key.enhancementId)),
  });

mutation(createEnhancement, {
  description: "Notes what is wished for later. PROJECT_NOT_FOUND",
  input: (t) => ({
    ...givenFields(t, ENHANCEMENT, "create", { status: EnhancementStatus }),
    projectId: t.id({ required: true, description: "The project's slug, like web-shop." }),
    title: t.string({ required: true, description: "What it is called, 1 to 200 characters." }),
    description: t.string({ required: true, description: "What is wished for, 1 to 10,000 characters." }),
  }),
  payload: (t) => ({ enhancement: enhancementOf(t) }),
});

mutation(updateEnhancement, {
  description:
    "Changes what is said of an enhancement. What is left out stays, null empties what may be empty. PROJECT_NOT_FOUND, NOT_FOUND, VERSION_CONFLICT",
  input: (t) => ({
    ...givenFields(t, ENHANCEMENT, "update", { status: EnhancementStatus }),
    projectId: t.id({ required: true, description: "The project's slug, like web-shop." }),
    enhancementId: t.id({ required: true, description: "enhancementId, from enhancements." }),
    expectedVersion: t.int({ description: "Refuse the change if the version is another one." }),
  }),
  payload: (t) => ({ enhancement: enhancementOf(t) }),
});
