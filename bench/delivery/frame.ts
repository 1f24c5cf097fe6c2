import type { FollowDeliverySubscription } from "../../client/gen/graphql.ts";
import type { Reception, Subscribe } from "./audience.ts";
import { FollowDelivery } from "./documents.ts";
import type { Server } from "./server.ts";

export type Frame = NonNullable<FollowDeliverySubscription["taskEvents"]>;

/** One subscription on a connection of its own. */
export interface Subscription {
  readonly server: Server;
  readonly document: string;
  readonly variables: object;
  /** Which one it is, from 0. */
  readonly index: number;
  onFrame(frame: Frame): void;
  /** It ended without being asked to; nothing comes after this. */
  onFault(error: Error): void;
}

export interface Result {
  readonly data?: FollowDeliverySubscription | null;
  readonly errors?: readonly { readonly message: string }[];
}

/** @throws Error with the message of the server when there is none in the result. */
export function frameOf({ data, errors }: Result): Frame {
  if (data?.taskEvents) return data.taskEvents;
  throw new Error(`The server ended a subscription: ${errors?.[0]?.message ?? "no data"}`);
}

interface Following {
  readonly open: (subscription: Subscription) => () => void;
  readonly server: Server;
  readonly projectId: string;
  /** How many ask for the same; the others ask in other words. */
  readonly groupsOf: number;
}

/** Subscribers to a project from now on. The first frame says that a subscription is live. */
export const subscribersOf =
  ({ open, server, projectId, groupsOf }: Following): Subscribe =>
  (index: number, { receive, fail }: Reception) => {
    const live = Promise.withResolvers<() => void>();
    const group = Math.floor(index / groupsOf);
    const end = open({
      server,
      document: FollowDelivery.toString(),
      // Nobody of another name writes: all groups get the same events.
      variables: { projectId, actors: ["bench", ...(group > 0 ? [`group ${group}`] : [])] },
      index,
      onFrame({ events }) {
        live.resolve(end);
        receive(events);
      },
      onFault(error) {
        live.reject(error);
        fail(error);
      },
    });
    return live.promise;
  };
