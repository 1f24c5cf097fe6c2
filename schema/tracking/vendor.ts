import { sees, visibleWhere } from "../../src/access/visibility.ts";
import { asUuid, isStorable } from "../../src/db/storable.ts";
import { notFound } from "../../src/errors.ts";
import { createVendor } from "../../src/tracking/create-vendor.ts";
import { updateVendor } from "../../src/tracking/update-vendor.ts";
import {
  type FormatSupport as FormatSupportShape,
  readFormatSupport,
  readTestResults,
  type TestResults as TestResultsShape,
  VENDOR,
  type VendorKey,
  type Vendor as VendorShape,
  type VendorStatus as VendorStatusShape,
} from "../../src/tracking/vendor.ts";
import {
  BY_VENDOR_NAME,
  findVendor,
  listVendors,
  VENDORS,
  type VendorFilter,
  type VendorOrder,
} from "../../src/tracking/vendors.ts";
import { builder, type FieldBuilder, type InputBuilder } from "../builder.ts";
import { choiceEnum } from "../choice.ts";
import { DateFilterInput, enumFilterInput, StringFilterInput } from "../filters.ts";
import { listLoader } from "../list-loader.ts";
import { loader } from "../loader.ts";
import { mutation } from "../mutation.ts";
import { givenFields, shownFields } from "../noun.ts";
import { orderInput } from "../order.ts";
import { subject } from "../subject.ts";

const VendorStatus = choiceEnum<VendorStatusShape>("VendorStatus", "Whether a vendor's extractor works.", {
  operational: "It works.",
  broken: "It does not.",
});

const FormatSupport = builder.objectRef<FormatSupportShape>("FormatSupport").implement({
  description: "Which formats an extractor reads.",
  fields: (t) => ({
    excel: t.exposeBoolean("excel", { description: "Workbooks." }),
    csv: t.exposeBoolean("csv", { description: "Comma-separated values." }),
    pdf: t.exposeBoolean("pdf", { description: "PDF with texts in it." }),
    ocr: t.exposeBoolean("ocr", { description: "Images of texts." }),
  }),
});

const TestResults = builder.objectRef<TestResultsShape>("TestResults").implement({
  description: "How the tests of an extractor went.",
  fields: (t) => ({
    passing: t.exposeInt("passing", { description: "How many passed." }),
    total: t.exposeInt("total", { description: "How many there are." }),
    skipped: t.exposeInt("skipped", { description: "How many were left out." }),
  }),
});

const FormatSupportInput = builder.inputType("FormatSupportInput", {
  description: "Which formats an extractor reads.",
  fields: (t) => ({
    excel: t.boolean({ required: true, description: "Workbooks." }),
    csv: t.boolean({ required: true, description: "Comma-separated values." }),
    pdf: t.boolean({ required: true, description: "PDF with texts in it." }),
    ocr: t.boolean({ required: true, description: "Images of texts." }),
  }),
});

const TestResultsInput = builder.inputType("TestResultsInput", {
  description: "How the tests of an extractor went: passing + skipped must not exceed total.",
  fields: (t) => ({
    passing: t.int({ required: true, description: "How many passed." }),
    total: t.int({ required: true, description: "How many there are." }),
    skipped: t.int({ required: true, description: "How many were left out." }),
  }),
});

export const Vendor = builder.prismaNode("Vendor", {
  nullable: true,
  description: "Who delivers what a project extracts, and how well the extractor for it does.",
  id: { resolve: VENDORS.idOf },
  findUnique: (id, { viewer }) => {
    // What no row can hold is not found.
    const [projectId = "", vendorId = ""] = isStorable(id) ? id.split("/") : [];
    return { projectId_vendorId: { projectId, vendorId: asUuid(vendorId) }, AND: [visibleWhere(viewer)] };
  },
});

/** What is said of a vendor, wherever it is shown. */
export const vendorFields = (t: FieldBuilder<VendorShape>) => ({
  ...shownFields(t, VENDOR, { status: VendorStatus }),
  formatSupport: t.field({
    type: FormatSupport,
    nullable: true,
    description: "Which formats its extractor reads; null: nobody has said.",
    resolve: ({ formatSupport }) => readFormatSupport(formatSupport),
  }),
  testResults: t.field({
    type: TestResults,
    nullable: true,
    description: "How the tests of its extractor went; null: nobody has said.",
    resolve: ({ testResults }) => readTestResults(testResults),
  }),
});
builder.objectFields(Vendor, vendorFields);

const loadVendor = loader({
  idOf: VENDORS.idOf,
  visible: sees,
  read: ({ db }, keys: readonly VendorKey[]) => VENDORS.find(db, keys),
});

subject(Vendor, "vendor", {
  keyOf: ({ projectId, vendorId }) => ({ projectId, id: vendorId }),
  load: async (ctx, { projectId, id }, asOf) =>
    projectId === null ? null : loadVendor(ctx, { projectId, vendorId: id }, undefined, asOf),
});

const VendorConnection = builder.connectionObject({ name: "VendorConnection", type: Vendor }, { name: "VendorEdge" });

const VendorOrderInput = orderInput<VendorOrder["field"]>("Vendor", {
  name: "By name, whatever the case.",
  createdAt: "When it was added.",
  updatedAt: "When it changed last.",
});

const VendorStatusFilter = enumFilterInput(VendorStatus);

const VendorFilterInput = builder.inputRef<VendorFilter>("VendorFilter").implement({
  description: "Everything given must hold; what is left out allows everything.",
  fields: (t) => ({
    projects: t.idList({ description: "PROJECT_NOT_FOUND if one is unknown or outside this key." }),
    name: t.field({ type: StringFilterInput, description: "Its name, whatever the case." }),
    status: t.field({ type: VendorStatusFilter, description: "Operational or broken." }),
    extractorVersion: t.field({ type: StringFilterInput, description: "The version of its extractor." }),
    manifestCompliant: t.boolean({ description: "Whether its manifest keeps to the rules." }),
    createdBy: t.field({ type: StringFilterInput, description: "Who added it." }),
    createdAt: t.field({ type: DateFilterInput, description: "When it was added." }),
    updatedAt: t.field({ type: DateFilterInput, description: "When it changed last." }),
    and: t.field({ type: [VendorFilterInput], description: "Each of these holds." }),
    or: t.field({ type: [VendorFilterInput], description: "At least one of these holds." }),
    not: t.field({ type: VendorFilterInput, description: "This does not hold." }),
  }),
});

const loadVendors = listLoader(listVendors);

builder.queryFields((t) => ({
  vendor: t.field({
    type: Vendor,
    nullable: true,
    description: "One vendor by its name, whatever the case. PROJECT_NOT_FOUND, NOT_FOUND",
    args: {
      projectId: t.arg.id({ required: true, description: "The project's slug, like web-shop." }),
      name: t.arg.string({ required: true, description: "What it is called, whatever the case." }),
    },
    resolve: (_root, args, ctx) => findVendor(ctx, args),
  }),
  vendors: t.connection(
    {
      type: Vendor,
      nullable: true,
      description:
        "Vendors of a project, or of every project this key sees that is not archived, in pages of at most 100 (default 50). PROJECT_NOT_FOUND",
      args: {
        projectId: t.arg.id({ description: "Of this project alone." }),
        filter: t.arg({ type: VendorFilterInput, description: "Which vendors." }),
        orderBy: t.arg({ type: VendorOrderInput, defaultValue: BY_VENDOR_NAME, description: "By name, unless told." }),
      },
      resolve: (_root, args, ctx) => loadVendors(ctx, args),
    },
    VendorConnection,
  ),
}));

/** The vendor of a mutation's result. */
const vendorOf = <Parent extends VendorKey>(t: FieldBuilder<Parent>) =>
  t.field({
    type: Vendor,
    description: "As it is now.",
    resolve: async (key, _args, ctx) =>
      (await loadVendor(ctx, key)) ?? Promise.reject(notFound("Vendor", key.vendorId)),
  });

const ofExtractor = (t: InputBuilder) => ({
  formatSupport: t.field({ type: FormatSupportInput, description: "Which formats its extractor reads." }),
  testResults: t.field({ type: TestResultsInput, description: "How the tests of its extractor went." }),
});

mutation(createVendor, {
  description:
    "Adds a vendor to a project. BAD_USER_INPUT when the project has one of this name, whatever its case; PROJECT_NOT_FOUND",
  input: (t) => ({
    ...givenFields(t, VENDOR, "create", { status: VendorStatus }),
    ...ofExtractor(t),
    projectId: t.id({ required: true, description: "The project's slug, like web-shop." }),
    name: t.string({
      required: true,
      description: "Unique in the project, whatever its case: at most 100 letters a-z, digits, spaces, - and _.",
    }),
    status: t.field({ type: VendorStatus, required: true, description: "Whether its extractor works." }),
  }),
  payload: (t) => ({ vendor: vendorOf(t) }),
});

mutation(updateVendor, {
  description:
    "Changes what is said of a vendor. What is left out stays, null empties it. PROJECT_NOT_FOUND, NOT_FOUND, VERSION_CONFLICT",
  input: (t) => ({
    ...givenFields(t, VENDOR, "update", { status: VendorStatus }),
    ...ofExtractor(t),
    projectId: t.id({ required: true, description: "The project's slug, like web-shop." }),
    name: t.string({ required: true, description: "What it is called, whatever the case." }),
    expectedVersion: t.int({ description: "Refuse the change if the version is another one." }),
  }),
  payload: (t) => ({ vendor: vendorOf(t) }),
});
