import { sees, visibleWhere } from "../../src/access/visibility.ts";
import { isStorable } from "../../src/db/storable.ts";
import { projectNotFound } from "../../src/errors.ts";
import {
  CONFIGURATION,
  type ContextType,
  findConfigurations,
  updateProjectConfiguration,
} from "../../src/tracking/configuration.ts";
import { builder } from "../builder.ts";
import { choiceEnum } from "../choice.ts";
import type { GraphQLContext } from "../context.ts";
import { loader } from "../loader.ts";
import { mutation } from "../mutation.ts";
import { givenFields, shownFields } from "../noun.ts";
import { Project } from "../project.ts";
import { subject } from "../subject.ts";

const ActiveContextType = choiceEnum<ContextType>("ActiveContextType", "What sort of work is going on.", {
  feature: "Something new is made.",
  maintenance: "What there is, is kept going.",
  research: "Questions are answered.",
});

export const ProjectConfiguration = builder.prismaNode("ProjectConfiguration", {
  nullable: true,
  description: "What the clients of a project agree on: each project has one, from the start.",
  id: { resolve: ({ projectId }) => projectId },
  findUnique: (id, { viewer }) => ({ projectId: isStorable(id) ? id : "", AND: [visibleWhere(viewer)] }),
});
builder.objectFields(ProjectConfiguration, (t) =>
  shownFields(t, CONFIGURATION, { activeContextType: ActiveContextType }),
);

interface ConfigurationKey {
  readonly projectId: string;
}

const loadConfiguration = loader({
  idOf: ({ projectId }: ConfigurationKey) => projectId,
  visible: sees,
  read: ({ db }, keys: readonly ConfigurationKey[]) =>
    findConfigurations(
      db,
      keys.map(({ projectId }) => projectId),
    ),
});

subject(ProjectConfiguration, "configuration", {
  keyOf: ({ projectId }) => ({ projectId, id: projectId }),
  load: async (ctx, { projectId }, asOf) =>
    projectId === null ? null : loadConfiguration(ctx, { projectId }, undefined, asOf),
});

/** @throws PROJECT_NOT_FOUND */
const requireConfiguration = async (key: ConfigurationKey, ctx: GraphQLContext) =>
  (isStorable(key.projectId) && (await loadConfiguration(ctx, key))) || Promise.reject(projectNotFound(key.projectId));

builder.queryField("projectConfiguration", (t) =>
  t.field({
    type: ProjectConfiguration,
    nullable: true,
    description: "The configuration of a project. PROJECT_NOT_FOUND",
    args: { projectId: t.arg.id({ required: true, description: "The project's slug, like web-shop." }) },
    resolve: (_root, key, ctx) => requireConfiguration(key, ctx),
  }),
);

builder.prismaObjectField(Project, "configuration", (t) =>
  t.field({
    type: ProjectConfiguration,
    description: "What its clients agree on.",
    resolve: ({ projectId }, _args, ctx) => requireConfiguration({ projectId }, ctx),
  }),
);

mutation(updateProjectConfiguration, {
  description:
    "Changes the configuration of a project. What is left out stays, null empties what may be empty. PROJECT_NOT_FOUND, VERSION_CONFLICT",
  input: (t) => ({
    ...givenFields(t, CONFIGURATION, "update", { activeContextType: ActiveContextType }),
    projectId: t.id({ required: true, description: "The project's slug, like web-shop." }),
    expectedVersion: t.int({ description: "Refuse the change if the version is another one." }),
    updatedBy: t.string({
      description: "Who changes it, at most 100 characters: the session (client id) or else the key, unless told.",
    }),
  }),
  payload: (t) => ({
    configuration: t.field({
      type: ProjectConfiguration,
      description: "As it is now.",
      resolve: (key, _args, ctx) => requireConfiguration(key, ctx),
    }),
  }),
});
