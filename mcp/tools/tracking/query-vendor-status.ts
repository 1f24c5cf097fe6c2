import { z } from "zod";
import { graphql } from "../../../client/gen/gql.ts";
import { defineTool, projectOf } from "../../tool.ts";
import { madeSchema, vendorCard, vendorStatus } from "../../tracking-cards.ts";

const QueryVendorStatus = graphql(`
  query QueryVendorStatus($projectId: ID!, $name: String!) {
    vendor(projectId: $projectId, name: $name) {
      ...VendorCard
    }
  }
`);

export const queryVendorStatus = defineTool({
  name: "query_vendor_status",
  title: "Read a vendor",
  description: "See how a vendor's extractor does. The name may be in any case.",
  input: z.strictObject({ name: z.string(), project_id: z.string().optional() }),
  output: madeSchema.extend({ name: z.string().optional(), status: vendorStatus }),
  example: { name: "Acme" },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  async run(context, { name, project_id }) {
    const { vendor } = await context.query(QueryVendorStatus, { projectId: projectOf(context, project_id), name });
    return vendorCard(vendor);
  },
});
