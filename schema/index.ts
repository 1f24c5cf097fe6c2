import { getNamedType, isInputObjectType, lexicographicSortSchema, printSchema } from "graphql";
import { builder } from "./builder.ts";
import "./scalars.ts";
import "./error-code.ts";
import "./project.ts";
import "./project-mutations.ts";
import "./project-settings.ts";
import "./task/task.ts";
import "./task/filter.ts";
import "./task/queries.ts";
import "./task/counts.ts";
import "./worker.ts";
import "./digest.ts";
import "./project-trends.ts";
import "./task/payload.ts";
import "./task/mutations.ts";
import "./task/usage.ts";
import "./task/set-aside.ts";
import "./task/dependencies.ts";
import "./task/ready.ts";
import "./task/stalled.ts";
import "./task/overdue.ts";
import "./task/graph.ts";
import "./task/search.ts";
import "./task/update-many.ts";
import "./reminder.ts";
import "./task-tree.ts";
import "./task/recurrence.ts";
import "./reservation.ts";
import "./reservation-links.ts";
import "./id-sequence.ts";
import "./tracking/vendor.ts";
import "./tracking/deployment.ts";
import "./tracking/configuration.ts";
import "./tracking/enhancement.ts";
import "./tracking/status-report.ts";
import "./api-key.ts";
import "./event.ts";
import "./event-log.ts";
import "./task/revert.ts";
import "./task/history.ts";
import "./reservation-events.ts";
import "./project-status.ts";
import "./webhook.ts";
import "./event-links.ts";
import "./webhook-delivery.ts";
import "./job.ts";

// In the order of their definitions: sorting them would take a twentieth of a start.
export const schema = builder.toSchema({ sortSchema: false });

/** What schema/schema.graphql must say. */
export const printedSchema = () => `${printSchema(lexicographicSortSchema(schema))}\n`;

/**
 * What schema/verbs.json must say: what each mutation does and who may, for clients, which never read the server's code.
 * `input` is its input in schema.graphql; whether that takes an idempotency key is read there.
 */
export function printedVerbs(): string {
  const verbs = Object.values(schema.getMutationType()?.getFields() ?? {})
    .map(({ name: mutation, extensions, args, description, deprecationReason }) => {
      if (!extensions.verb) throw new Error(`The mutation ${mutation} is not made of a verb`);
      const { name, role, scope, effect, idempotent } = extensions.verb;
      const input = args[0] && getNamedType(args[0].type);
      return {
        mutation,
        verb: name,
        description,
        ...(deprecationReason != null && { deprecated: deprecationReason }),
        input: input?.name,
        role,
        scope,
        effect,
        readOnly: false,
        destructive: effect === "ends",
        idempotent,
        idempotencyKey: isInputObjectType(input) && "idempotencyKey" in input.getFields(),
      };
    })
    .sort((a, b) => (a.mutation < b.mutation ? -1 : 1));
  return `${JSON.stringify(verbs, null, 2)}\n`;
}
