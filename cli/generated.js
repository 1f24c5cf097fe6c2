// Plain JavaScript, as docket.js is: an older Node must be able to read it.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const GENERATED = ["prisma/generated/client/client.ts", "client/gen/graphql.ts", "client/gen/operations.ts"];
/** Names what the generated code was made from. */
const STAMP = "client/gen/made-from.sha256";

const SOURCES = ["prisma/schema.prisma", "prisma.config.ts", "schema/schema.graphql", "codegen.ts"];
/** Of the code in these folders only the GraphQL documents matter. */
const CLIENTS = ["mcp", "src/http/rest", "client", "cli", "smoke"];
const FOLDERS = [...CLIENTS, "bench"];

/** Whether the generated code is there and was made from what is there now: after `git pull` it may not be. */
export function isGenerated(root) {
  if (![...GENERATED, STAMP].every((file) => existsSync(join(root, file)))) return false;
  return readFileSync(join(root, STAMP), "utf8") === madeFrom(root);
}

function madeFrom(root) {
  const hash = createHash("sha256");
  for (const file of SOURCES.filter((name) => existsSync(join(root, name))))
    hash.update(readFileSync(join(root, file)));
  for (const folder of FOLDERS) for (const documents of documentsIn(root, folder)) hash.update(documents.join("\n"));
  return hash.digest("hex");
}

/** The texts of GraphQL documents in each file of a folder that has any. */
function documentsIn(root, folder) {
  if (!existsSync(join(root, folder))) return [];
  const files = readdirSync(join(root, folder), { recursive: true }).map(String).filter(isCode).sort();
  return files
    .map((file) => readFileSync(join(root, folder, file), "utf8").match(/\bgraphql\(`[^`]*`/g))
    .filter((documents) => documents !== null);
}

/** The names of all operations that clients send; what only measures is none of them. */
function operationsIn(root) {
  const documents = CLIENTS.flatMap((folder) => documentsIn(root, folder)).flat();
  return documents.flatMap((text) =>
    [...text.matchAll(/^ *(?:query|mutation|subscription) (\w+)/gm)].map(([, name]) => name),
  );
}

const isCode = (file) => file.endsWith(".ts") && !/^gen\b/.test(file);

// `npm run generate` ends with this.
const self = fileURLToPath(import.meta.url);
if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === self) {
  const root = dirname(dirname(self));
  const operations = JSON.stringify(operationsIn(root).sort(), null, 2);
  writeFileSync(
    join(root, "client/gen/operations.ts"),
    `export const OPERATIONS: readonly string[] = ${operations};\n`,
  );
  writeFileSync(join(root, STAMP), madeFrom(root));
}
