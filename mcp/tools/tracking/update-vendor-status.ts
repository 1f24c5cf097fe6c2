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

const UpdateVendorStatus = graphql(`
  mutation UpdateVendorStatus($input: UpdateVendorInput!) {
    updateVendor(input: $input) {
      vendor {
        ...VendorCard
      }
    }
  }
`);

export const updateVendorStatus = defineTool({
  name: "update_vendor_status",
  title: "Change a vendor",
  description:
    "Change what is said of a vendor if its version is still the one you read: status, extractor_version, format_support, test_results, manifest_compliant. What is left out stays.",
  input: z.strictObject({
    name: z.string(),
    version: z.int().min(1).max(2_147_483_647).describe("As you read it"),
    status: vendorStatus.optional(),
    extractor_version: z.string().optional(),
    format_support: formatSupport.optional(),
    test_results: testResults.optional(),
    manifest_compliant: z.boolean().optional(),
    project_id: z.string().optional(),
  }),
  output: madeSchema.extend({ status: vendorStatus }),
  example: { name: "Acme", version: 1, status: "broken", test_results: { passing: 9, total: 12, skipped: 2 } },
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  async run(context, { name, version, status, project_id, ...given }) {
    const { updateVendor } = await context.mutate(UpdateVendorStatus, {
      projectId: projectOf(context, project_id),
      name,
      expectedVersion: version,
      ...(status !== undefined && { status: toVendorStatus(status) }),
      extractorVersion: given.extractor_version,
      formatSupport: given.format_support,
      testResults: given.test_results,
      manifestCompliant: given.manifest_compliant,
    });
    return vendorCard(updateVendor.vendor);
  },
});
