import type { EventRow } from "../../src/log/read/event.ts";

/** An event as it is read from the log, for what needs no database. */
export function eventRow(position: number, projectId = "alpha", payload = "{}"): EventRow {
  const hash = Buffer.alloc(8, position % 256);
  return {
    position,
    number: position,
    event_id: `${position}`,
    event_type: "task.updated",
    project_id: projectId,
    subject_type: "task",
    subject_id: "TASK-001",
    actor: "admin",
    client: null,
    occurred_at: new Date(0),
    correlation_id: null,
    payload,
    hash,
  };
}
