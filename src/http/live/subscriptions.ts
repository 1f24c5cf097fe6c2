import { createSourceEventStream, type ExecutionArgs, type ExecutionResult, validateSubscriptionArgs } from "graphql";
import type { Plugin } from "graphql-yoga";
import type { GraphQLContext, Services } from "../../../schema/context.ts";
import { currentRequester } from "../../db/requester.ts";
import { FrameStream } from "../../log/live/frame-stream.ts";
import type { RequestContext } from "../request-context.ts";
import { audienceOf } from "./audience.ts";
import type { FrameClient } from "./frame-client.ts";
import { Renderings } from "./renderings.ts";

/** Subscribes by sending the client to the channel of those who get the same. */
export function useSubscriptions(services: Services): Plugin<GraphQLContext & RequestContext> {
  const renderings = new Renderings();
  return {
    onSubscribe({ args, context, setSubscribeFn }) {
      setSubscribeFn(() => subscribe(args, context, { services, renderings }));
    },
  };
}

async function subscribe(
  args: ExecutionArgs,
  { viewer, tellCost, frames }: GraphQLContext & RequestContext,
  around: { readonly services: Services; readonly renderings: Renderings },
): Promise<FrameClient | ExecutionResult> {
  const validated = validateSubscriptionArgs(args);
  if (!("schema" in validated)) return { errors: validated };
  const stream = await createSourceEventStream(validated);
  if (!(Symbol.asyncIterator in stream)) return stream;
  if (!(stream instanceof FrameStream)) throw new Error("A subscription does not follow the log");
  if (!frames) throw new Error("A subscription came by a way that streams nothing");
  frames.begin(stream);
  const cost = tellCost ? (currentRequester()?.price?.nodes ?? 0) : null;
  const { operationName = null, variableValues: variables } = args;
  stream.join(audienceOf({ validated, operationName, variables: variables ?? {}, viewer, cost, ...around }), frames);
  return frames;
}
