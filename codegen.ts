import type { CodegenConfig } from "@graphql-codegen/cli";

/** Types for every GraphQL document of the clients, from the printed schema. The output is not kept in Git. */
const config: CodegenConfig = {
  schema: "schema/schema.graphql",
  documents: [
    ...["mcp/**/*.ts", "src/http/rest/**/*.ts", "client/**/*.ts", "cli/**/*.ts", "smoke/**/*.ts", "bench/**/*.ts"],
    ...["!bench/peers/**", "!client/gen/**"],
  ],
  ignoreNoDocuments: true,
  errorsOnly: true,
  generates: {
    "client/gen/": {
      preset: "client",
      presetConfig: { fragmentMasking: false, skipIndexFile: true },
      config: {
        documentMode: "string",
        useTypeImports: true,
        importExtension: ".ts",
        emitLegacyCommonJSImports: false,
        enumType: "string-literal",
        strictScalars: true,
        skipTypename: true,
        scalars: {
          Date: "string",
          DateTime: "string",
          DateTimeOrDuration: "string",
          JSON: "unknown",
          SafeInt: "number",
          ID: "string",
        },
      },
    },
    // The client preset leaves out what no document names, such as the codes of errors.
    "client/gen/enums.ts": { plugins: ["typescript"], config: { onlyEnums: true, enumsAsTypes: true } },
  },
};

export default config;
