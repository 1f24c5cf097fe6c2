import { lexicographicSortSchema, printSchema } from "graphql";
import { builder } from "./builder.ts";
import "./scalars.ts";
import "./error-code.ts";
import "./project.ts";
import "./task/task.ts";
import "./task/filter.ts";
import "./task/queries.ts";
import "./task/counts.ts";
import "./worker.ts";
import "./project-trends.ts";
import "./task/payload.ts";
import "./task/mutations.ts";
import "./reservation.ts";
import "./reservation-links.ts";
import "./id-sequence.ts";
import "./api-key.ts";
import "./event.ts";
import "./task/history.ts";
import "./reservation-events.ts";
import "./project-status.ts";
import "./webhook.ts";
import "./event-links.ts";
import "./webhook-delivery.ts";
import "./job.ts";

export const schema = builder.toSchema();

/** What schema/schema.graphql must say. */
export const printedSchema = () => `${printSchema(lexicographicSortSchema(schema))}\n`;

/**
 * What schema/verbs.json must say: what each mutation does and the lowest role that may, for clients, which never read
 * the server's code.
 */
export function printedVerbs(): string {
  const lines = Object.values(schema.getMutationType()?.getFields() ?? {})
    .map(({ name: mutation, extensions: { verb } }) => ({ ...verb, mutation }))
    .sort((a, b) => (a.mutation < b.mutation ? -1 : 1))
    .map((line) => `  ${JSON.stringify(line, null, 1).replaceAll(/\n */g, " ")}`);
  return `[\n${lines.join(",\n")}\n]\n`;
}
