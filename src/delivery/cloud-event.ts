import type { LoggedEvent } from "../log/read/event.ts";

/** An event as the outside gets it: a CloudEvents 1.0 document in the JSON format, structured mode. */
export interface CloudEvent {
  readonly specversion: "1.0";
  /** The event id: the same however often it is delivered. */
  readonly id: string;
  /** Like `/projects/alpha`; `/server` for events of no project. */
  readonly source: string;
  /** Like `task.completed`. */
  readonly type: string;
  /** What it happened to, like `task/TASK-046`. */
  readonly subject: string;
  /** RFC 3339, by the database's clock. */
  readonly time: string;
  readonly datacontenttype: "application/json";
  /** What `Event` of the GraphQL API says as well, under the same names. */
  readonly data: {
    /** Counts 1, 2, 3 … within the project without holes. */
    readonly number: number;
    readonly projectId: string | null;
    readonly subjectType: string;
    readonly subjectId: string;
    readonly actor: string;
    readonly client: string | null;
    readonly correlationId: string | null;
    readonly payload: Readonly<Record<string, unknown>>;
  };
}

export const CLOUD_EVENT_MEDIA_TYPE = "application/cloudevents+json; charset=utf-8";

export function toCloudEvent(event: LoggedEvent): CloudEvent {
  const { number, projectId, subjectType, subjectId, actor, client, correlationId, payload } = event;
  return {
    specversion: "1.0",
    id: event.eventId,
    source: projectId === null ? "/server" : `/projects/${projectId}`,
    type: event.type,
    subject: `${subjectType}/${subjectId}`,
    time: event.occurredAt.toISOString(),
    datacontenttype: "application/json",
    data: { number, projectId, subjectType, subjectId, actor, client, correlationId, payload },
  };
}
