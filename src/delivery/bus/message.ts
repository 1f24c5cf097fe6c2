import { headers, type MsgHdrs } from "@nats-io/transport-node";
import type { LoggedEvent } from "../../log/read/event.ts";
import { CLOUD_EVENT_MEDIA_TYPE, toCloudEvent } from "../cloud-event.ts";

/**
 * The CloudEvents document of an event, in UTF-8. One that is larger than the bus takes goes without its payload
 * (`data.payload` is null): it must not stop all that comes after it, and a consumer sees that it has to ask.
 */
export function bodyOf(event: LoggedEvent, mostBytes: number): Uint8Array {
  const document = toCloudEvent(event);
  const whole = Buffer.from(JSON.stringify(document));
  if (whole.length <= mostBytes) return whole;
  return Buffer.from(JSON.stringify({ ...document, data: { ...document.data, payload: null } }));
}

export function contentType(): MsgHdrs {
  const typed = headers();
  typed.set("Content-Type", CLOUD_EVENT_MEDIA_TYPE);
  return typed;
}
