import { verb } from "../access/verb.ts";
import { makerOf } from "../access/viewer.ts";
import type { Given } from "../db/noun.ts";
import { badInput } from "../errors.ts";
import { append } from "../log/write/append.ts";
import { existingProject, fitting, insertRow } from "./records.ts";
import { VENDOR, type VendorFields, type VendorKey } from "./vendor.ts";

export interface CreateVendor extends Given<VendorFields, "create"> {
  readonly projectId: string;
}

/**
 * Adds a vendor to a project.
 * @throws PROJECT_NOT_FOUND; BAD_USER_INPUT when the project has one of this name, whatever its case.
 */
export const createVendor = verb(
  { name: "createVendor", role: "agent", effect: "adds", scope: "project", idempotent: true, on: existingProject },
  async (ctx, input: CreateVendor): Promise<VendorKey> => {
    const { projectId } = input;
    const given = VENDOR.filled(fitting(VENDOR.check("create", input)));
    const createdBy = given.createdBy ?? makerOf(ctx.viewer);
    const vendor = await insertRow(ctx.db, VENDOR, "vendors", { ...given, projectId, createdBy });
    if (!vendor) throw badInput(`Vendor already exists: ${given.name}`, { name: given.name });
    const vendorId = String(vendor["vendorId"]);
    const of = { projectId, subjectType: "vendor", subjectId: vendorId } as const;
    await append(ctx, { type: "vendor.created", ...of, payload: { vendor } });
    return { projectId, vendorId };
  },
);
