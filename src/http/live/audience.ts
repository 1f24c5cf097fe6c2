import {
  executeSubscriptionEvent,
  Kind,
  type OperationDefinitionNode,
  print,
  type validateSubscriptionArgs,
  visit,
} from "graphql";
import { createContext, type Services } from "../../../schema/context.ts";
import type { Viewer } from "../../access/viewer.ts";
import { background, currentRequester } from "../../db/requester.ts";
import { answerTooLarge } from "../../db/too-much.ts";
import type { Audience } from "../../log/live/channel.ts";
import { isTooLarge } from "../answer-limit.ts";
import { type Rendered, Rendering } from "./rendering.ts";
import { type Frame, Renderings } from "./renderings.ts";

/** A subscription that is ready to be executed for each frame. */
export type Validated = Extract<ReturnType<typeof validateSubscriptionArgs>, { readonly schema: unknown }>;

interface Asked {
  readonly validated: Validated;
  readonly operationName: string | null;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly viewer: Viewer;
  /** What the operation costs, where the answers are to say so. */
  readonly cost: number | null;
  readonly services: Services;
  /** Where those who ask for the same of other events find what was made for others. */
  readonly renderings?: Renderings;
}

/** What is made for many has the limits of one request, and takes turns like a key. */
const asFrames = background("frames", { limited: true });
const NEVER = new AbortController().signal;

/**
 * Those who get the same answer to each frame: they ask in the same words with the same variables, their keys have the
 * same role and see the same projects. Each frame is executed once for all of them, in a context of its own.
 */
export function audienceOf({
  validated,
  operationName,
  variables,
  viewer,
  cost,
  services,
  renderings = new Renderings(),
}: Asked): Audience<Frame, Rendering> {
  const price = currentRequester()?.price ?? null;
  const shared = sharedBy(viewer);
  const { document } = validated;
  const context = () =>
    createContext(services, {
      viewer: shared,
      correlationId: "frames",
      idempotencyKey: null,
      lastEventId: null,
      gone: () => NEVER,
    });
  const finish = (rendered: Rendered, { cursor }: Frame) => {
    if (isTooLarge(rendered))
      return new Rendering({ data: null, errors: [answerTooLarge(currentRequester())] }, cursor);
    return new Rendering(
      cost === null ? rendered : { ...rendered, extensions: { ...rendered.extensions, cost } },
      cursor,
    );
  };
  const fail = (error: unknown, { cursor }: Frame) => new Rendering({ errors: [error] }, cursor);
  const render = (frame: Frame) =>
    asFrames(() => {
      const requester = currentRequester();
      if (requester) requester.price = price;
      try {
        const rendered = executeSubscriptionEvent({ ...validated, rootValue: frame, contextValue: context() });
        if (!(rendered instanceof Promise)) return finish(rendered, frame);
        return rendered.then((result) => finish(result, frame)).catch((error: unknown) => fail(error, frame));
      } catch (error) {
        return fail(error, frame);
      }
    });
  const who = [viewer.role, viewer.projectIds && [...viewer.projectIds].sort()];
  const words = [document.loc?.source.body ?? print(document), operationName];
  const rendering = JSON.stringify([words, variablesBelow(variables, validated), who, cost, price]);
  return {
    key: JSON.stringify([words, withoutPlace(variables, validated), who, cost !== null]),
    make: (frame) => renderings.of(rendering, frame, () => render(frame)),
  };
}

/** Those that a frame is rendered with: arguments of the root field only say which events are in it. */
function variablesBelow(variables: Readonly<Record<string, unknown>>, { document, operation }: Validated) {
  const ofRoots = new Set(
    operation.selectionSet.selections.flatMap((field) => (field.kind === Kind.FIELD ? (field.arguments ?? []) : [])),
  );
  const used = new Set<string>();
  visit(document, {
    [Kind.VARIABLE_DEFINITION]: () => false,
    [Kind.ARGUMENT]: (argument) => (ofRoots.has(argument) ? false : undefined),
    [Kind.VARIABLE]({ name }) {
      used.add(name.value);
    },
  });
  return Object.fromEntries(Object.entries(variables).filter(([name]) => used.has(name)));
}

/** Where a client begins makes no difference to its frames, if the variable says nothing else. */
function withoutPlace(variables: Readonly<Record<string, unknown>>, { document, operation }: Validated) {
  const place = placeIn(operation);
  if (place === undefined) return variables;
  let uses = 0;
  visit(document, {
    [Kind.VARIABLE_DEFINITION]: () => false,
    [Kind.VARIABLE]({ name }) {
      if (name.value === place) uses++;
    },
  });
  if (uses > 1) return variables;
  const { [place]: _, ...others } = variables;
  return others;
}

/** The variable for `after` of the root field. */
function placeIn({ selectionSet }: OperationDefinitionNode): string | undefined {
  for (const field of selectionSet.selections) {
    if (field.kind !== Kind.FIELD) continue;
    const after = field.arguments?.find(({ name }) => name.value === "after")?.value;
    if (after?.kind === Kind.VARIABLE) return after.name.value;
  }
  return undefined;
}

/** The viewer in a frame that many see: what only one of them is does not exist there. */
function sharedBy({ role, projectIds }: Viewer): Viewer {
  return {
    role,
    projectIds,
    get actor() {
      return personal("actor");
    },
    get name() {
      return personal("name");
    },
    get client() {
      return personal("client");
    },
    get keyId() {
      return personal("keyId");
    },
    get expiresAt() {
      return personal("expiresAt");
    },
  };
}

function personal(what: keyof Viewer): never {
  throw new Error(
    `A frame is made for many viewers, and reads the ${what} of one: the key of its audience must hold it`,
  );
}
