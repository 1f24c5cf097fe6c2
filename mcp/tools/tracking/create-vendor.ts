import { z } from "zod";
import { graphql } from "../../../client/gen/gql.ts";
import { defineTool, projectOf } from "../../tool.ts";
import {
  formatSupport,
  madeSchema,
  testResults,
  toVendorStatus,
  vendorCard,
  vendorStatus,
} from "../../tracking-cards.ts";

const CreateVendor = graphql(`
  mutation CreateVendor($input: CreateVendorInput!) {
    createVendor(input: $input) {
      vendor {
        ...VendorCard
      }
    }
  }
`);

export const createVendor = defineTool({
  name: "create_vendor",
  title: "Add a vendor",
  description: "Add a vendor to a project. Its name is unique there, whatever the case.",
  input: z.strictObject({
    name: z.string().describe("Letters, digits, spaces, - and _"),
    status: vendorStatus,
    extractor_version: z.string().optional(),
    format_support: formatSupport.optional(),
    test_results: testResults.optional(),
    manifest_compliant: z.boolean().optional(),
    project_id: z.string().optional(),
  }),
  output: madeSchema.extend({ status: vendorStatus }),
  example: { name: "Acme", status: "operational", extractor_version: "1.2.3" },
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  async run(context, { name, status, project_id, ...given }) {
    const { createVendor } = await context.mutate(CreateVendor, {
      projectId: projectOf(context, project_id),
      name,
      status: toVendorStatus(status),
      extractorVersion: given.extractor_version,
      formatSupport: given.format_support,
      testResults: given.test_results,
      manifestCompliant: given.manifest_compliant,
      createdBy: context.clientName,
    });
    return vendorCard(createVendor.vendor);
  },
});
