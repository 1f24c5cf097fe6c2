import { verb } from "../access/verb.ts";
import type { Context } from "../access/viewer.ts";
import type { Given } from "../db/noun.ts";
import { notFound } from "../errors.ts";
import { append } from "../log/write/append.ts";
import { changeRow, existingProject, fitting, requireVersion } from "./records.ts";
import { isVendorName, VENDOR, type VendorAddress, type VendorFields, type VendorKey } from "./vendor.ts";

export interface UpdateVendor extends VendorAddress, Given<VendorFields, "update"> {
  readonly expectedVersion?: number | null | undefined;
}

const LOCK = {
  name: "vendor-lock",
  text: `SELECT vendor_id AS "vendorId", version FROM vendors
WHERE project_id = $1 AND lower(name) = lower($2) FOR NO KEY UPDATE`,
};

interface LockedVendor extends VendorKey {
  readonly version: number;
}

/** @throws PROJECT_NOT_FOUND, NOT_FOUND */
async function lockVendor(ctx: Context, { projectId, name }: VendorAddress): Promise<LockedVendor> {
  await existingProject(ctx, { projectId });
  const [locked] = isVendorName(name)
    ? await ctx.db.write<Omit<LockedVendor, "projectId">>(LOCK, [projectId, name])
    : [];
  if (!locked) throw notFound("Vendor", name);
  return { projectId, ...locked };
}

/**
 * Changes what is said of a vendor. What is left out stays, null empties it; nothing new leaves the version as it is and
 * no event.
 * @throws PROJECT_NOT_FOUND, NOT_FOUND, VERSION_CONFLICT, BAD_USER_INPUT
 */
export const updateVendor = verb(
  { name: "updateVendor", role: "agent", effect: "changes", scope: "project", idempotent: true, on: lockVendor },
  async (ctx, input: UpdateVendor, { version, ...key }): Promise<VendorKey> => {
    requireVersion("Vendor", version, input.expectedVersion);
    const data = fitting(VENDOR.check("update", input));
    const { projectId, vendorId } = key;
    const place = { table: "vendors", key: { project_id: projectId, vendor_id: vendorId } };
    const changes = await changeRow(ctx.db, VENDOR, place, data);
    const of = { projectId, subjectType: "vendor", subjectId: vendorId } as const;
    if (changes) await append(ctx, { type: "vendor.updated", ...of, payload: { changes } });
    return key;
  },
);
