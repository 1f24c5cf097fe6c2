import type { FollowDeliverySubscription, FollowDeliverySubscriptionVariables } from "../../client/gen/graphql.ts";
import type { Reception, Subscribe } from "./audience.ts";
import type { Server } from "./server.ts";

export type Frame = NonNullable<FollowDeliverySubscription["taskEvents"]>;

/** One subscription on a connection of its own. */
export interface Subscription {
  readonly server: Server;
  readonly variables: FollowDeliverySubscriptionVariables;
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

/** Loopback addresses that the subscribers come from: one alone may run out of ports. Linux has all of 127. */
export const localAddress = (index: number) =>
  process.platform === "linux" ? `127.0.0.${1 + (index % 2)}` : "127.0.0.1";

/** Subscribers to a project from now on. The first frame says that a subscription is live. */
export const subscribersOf =
  (open: (subscription: Subscription) => () => void, server: Server, projectId: string): Subscribe =>
  (index: number, { receive, fail }: Reception) => {
    const live = Promise.withResolvers<() => void>();
    const end = open({
      server,
      variables: { projectId },
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
