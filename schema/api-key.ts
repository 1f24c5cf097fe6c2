import type { Role, Viewer } from "../src/access/viewer.ts";
import { sees, visibleProjects } from "../src/access/visibility.ts";
import { notFound } from "../src/errors.ts";
import { createApiKey } from "../src/keys/create.ts";
import { apiKeysNow, findApiKeys, KEY, MOST_OVERLAP_SECONDS, OVERLAP_SECONDS } from "../src/keys/key.ts";
import { type ApiKeyOrder, listApiKeys, NEWEST_KEYS } from "../src/keys/list.ts";
import { countKeysOf, type KeysOfProject, listKeysOf } from "../src/keys/of-projects.ts";
import { revokeApiKey } from "../src/keys/revoke.ts";
import { rotateApiKey } from "../src/keys/rotate.ts";
import { type ArgumentBuilder, builder } from "./builder.ts";
import { choiceEnum } from "./choice.ts";
import type { GraphQLContext } from "./context.ts";
import { loader } from "./loader.ts";
import { mutation } from "./mutation.ts";
import { shownFields } from "./noun.ts";
import { orderInput } from "./order.ts";
import { Project } from "./project.ts";
import { administeredSubject } from "./subject.ts";

const RoleEnum = choiceEnum<Role>("Role", "What a key may do; each role includes the ones before it.", {
  reader: "Reads and subscribes.",
  agent: "Also works tasks and artifact IDs, and creates projects unless limited to some.",
  admin: "Also changes projects and keys, and acts on the attempts of others.",
});

const ViewerType = builder.objectRef<GraphQLContext["viewer"]>("Viewer").implement({
  description: "Who asks: the API key, browser session or token of this request.",
  fields: (t) => ({
    actor: t.exposeString("actor", {
      description: "Stands in every event that this viewer causes, like dk_1a2B3c4D/ci.",
    }),
    name: t.exposeString("name", { description: "The key's name." }),
    client: t.exposeString("client", {
      nullable: true,
      description: "The session it asks from: header Docket-Client-Id, or clientId of a WebSocket.",
    }),
    role: t.expose("role", { type: RoleEnum, description: "What it may do." }),
    projectIds: t.idList({
      nullable: true,
      description: "The projects it sees; null: every project.",
      resolve: ({ projectIds }) => projectIds && [...projectIds],
    }),
    expiresAt: t.expose("expiresAt", {
      type: "DateTime",
      nullable: true,
      description: "When it stops working; null: never.",
    }),
  }),
});

const ApiKeyType = builder.prismaObject("ApiKey", {
  description: "A key to this API. Its secret is shown once, when it is made.",
});
builder.objectFields(ApiKeyType, (t) => shownFields(t, KEY, { role: RoleEnum }));
administeredSubject(ApiKeyType, "api_key", { idOf: ({ keyId }) => keyId, find: findApiKeys, now: apiKeysNow });

interface ProjectKey {
  readonly projectId: string;
}

const idsOf = (projects: readonly ProjectKey[]) => projects.map(({ projectId }) => projectId);

const seesAsAdmin = (viewer: Viewer, project: ProjectKey) => viewer.role === "admin" && sees(viewer, project);

const ApiKeyConnection = builder.connectionObject(
  { name: "ApiKeyConnection", type: ApiKeyType },
  { name: "ApiKeyEdge" },
);

const ofProject = { idOf: ({ projectId }: ProjectKey) => projectId, visible: seesAsAdmin };
const loadKeys = loader({
  ...ofProject,
  read: ({ db }, projects: readonly ProjectKey[], args: KeysOfProject) => listKeysOf(db, idsOf(projects), args),
});
const loadTotal = loader({
  ...ofProject,
  read: ({ db }, projects: readonly ProjectKey[], { within }: Pick<KeysOfProject, "within">) =>
    countKeysOf(db, idsOf(projects), { within }),
});

const NONE_LAST = "those without one last";
const ApiKeyOrderInput = orderInput<ApiKeyOrder["field"]>("ApiKey", {
  createdAt: "When it was made.",
  name: "By name.",
  expiresAt: `When it stops working by itself, ${NONE_LAST}.`,
  lastUsedAt: `When it was last used, ${NONE_LAST}.`,
});

const keyOrderArgument = ({ arg }: ArgumentBuilder) =>
  arg({ type: ApiKeyOrderInput, defaultValue: NEWEST_KEYS, description: "Newest first, unless told." });

builder.prismaObjectField(Project, "keys", (t) =>
  t.connection(
    {
      type: ApiKeyType,
      nullable: true,
      description:
        "The API keys that see it, revoked ones too, as far as you administer them (see Query.apiKeys); null unless you are an admin.",
      args: { orderBy: keyOrderArgument(t) },
      resolve: async (project, args, ctx) => {
        const within = visibleProjects(ctx.viewer);
        const page = await loadKeys(ctx, project, { ...args, within });
        return page && { ...page, totalCount: async () => (await loadTotal(ctx, project, { within })) ?? 0 };
      },
    },
    ApiKeyConnection,
  ),
);

builder.queryFields((t) => ({
  viewer: t.field({
    type: ViewerType,
    nullable: true,
    description: "Who you are to this server.",
    resolve: (_, _args, { viewer }) => viewer,
  }),
  apiKeys: t.connection(
    {
      type: ApiKeyType,
      nullable: true,
      description:
        "API keys, revoked ones too; 50 unless told, at most 100. For admins; an admin that is limited to some projects sees the keys that reach no further. Errors: FORBIDDEN, BAD_USER_INPUT.",
      args: {
        orderBy: keyOrderArgument(t),
      },
      resolve: (_, args, ctx) => listApiKeys(ctx, args),
    },
    ApiKeyConnection,
  ),
}));

/** A key that a mutation has to do with. */
const keyOf = async ({ keyId }: { readonly keyId: string }, _args: object, ctx: GraphQLContext) =>
  (await findApiKeys(ctx, [keyId]))[0] ?? Promise.reject(notFound("ApiKey", keyId));

mutation(createApiKey, {
  description:
    "Makes an API key. For admins; it reaches no further than the key that makes it, and does not outlive it. Errors: FORBIDDEN, BAD_USER_INPUT, PROJECT_NOT_FOUND, IDEMPOTENCY_KEY_REUSED.",
  input: (t) => ({
    name: t.string({ required: true, description: "What it is for, 1 to 100 characters." }),
    role: t.field({ type: RoleEnum, required: true, description: "What it may do." }),
    projectIds: t.idList({ description: "The only projects it will see; left out: every project." }),
    expiresAt: t.field({
      type: "DateTime",
      description: "When it stops working by itself; left out: never. Not after your own key.",
    }),
  }),
  payload: (t) => ({
    apiKey: t.field({
      type: ApiKeyType,
      description: "The key without its secret.",
      resolve: keyOf,
    }),
    secret: t.exposeString("secret", {
      nullable: true,
      description:
        "The key itself, dk_…: copy it now, only its hash is kept. null in a replayed answer: revoke the key and create another.",
    }),
  }),
});

mutation(rotateApiKey, {
  description:
    "Makes a key of the same name, role, projects and end as another, which ends after an overlap in which both work, with the browser sessions it opened and all their streams. Errors: FORBIDDEN, NOT_FOUND, BAD_USER_INPUT, IDEMPOTENCY_KEY_REUSED.",
  input: (t) => ({
    keyId: t.id({ required: true, description: "keyId of the key that is to be replaced, from apiKeys." }),
    overlapSeconds: t.int({
      description: `How long it goes on, 0 to ${MOST_OVERLAP_SECONDS}; 0: it ends at once; left out: ${OVERLAP_SECONDS}, a day. An end that it has before stays.`,
    }),
  }),
  payload: (t) => ({
    apiKey: t.field({ type: ApiKeyType, description: "The new key without its secret.", resolve: keyOf }),
    secret: t.exposeString("secret", {
      nullable: true,
      description:
        "The new key itself, dk_…: copy it now, only its hash is kept. null in a replayed answer: rotate the new key again.",
    }),
    former: t.field({
      type: ApiKeyType,
      description: "The key that was replaced, now with its end in expiresAt or revokedAt.",
      resolve: ({ formerKeyId }, args, ctx) => keyOf({ keyId: formerKeyId }, args, ctx),
    }),
  }),
});

mutation(revokeApiKey, {
  description:
    "Ends a key at once, with the browser sessions it opened and all their streams; done again it changes nothing. The last admin key without a limit to projects is refused: create another first. Errors: FORBIDDEN, NOT_FOUND, IDEMPOTENCY_KEY_REUSED.",
  input: (t) => ({ keyId: t.id({ required: true, description: "keyId of the key, from apiKeys." }) }),
  payload: (t) => ({
    apiKey: t.field({
      type: ApiKeyType,
      nullable: true,
      description: "The key, now with revokedAt; null for a browser session.",
      resolve: async ({ keyId }, _args, ctx) => (await findApiKeys(ctx, [keyId]))[0] ?? null,
    }),
  }),
});
