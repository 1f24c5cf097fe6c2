// Plain JavaScript, as docket.js is: an older Node must be able to read it.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const GENERATED = ["prisma/generated/client/client.ts", "client/gen/graphql.ts"];
/** Names what the generated code was made from. */
const STAMP = "client/gen/made-from.sha256";

const SOURCES = ["prisma/schema.prisma", "prisma.config.ts", "schema/schema.graphql", "codegen.ts"];
/** Of the code in these folders only the GraphQL documents matter. */
const FOLDERS = ["mcp", "src/http/rest", "client", "cli", "bench"];

/** Whether the generated code is there and was made from what is there now: after `git pull` it may not be. */
export function isGenerated(root) {
  if (![...GENERATED, STAMP].every((file) => existsSync(join(root, file)))) return false;
  return readFileSync(join(root, STAMP), "utf8") === madeFrom(root);
}

function madeFrom(root) {
  const hash = createHash("sha256");
  for (const file of SOURCES.filter((name) => existsSync(join(root, name))))
    hash.update(readFileSync(join(root, file)));
  for (const folder of FOLDERS.filter((name) => existsSync(join(root, name)))) {
    const files = readdirSync(join(root, folder), { recursive: true }).map(String).filter(isCode).sort();
    for (const file of files) {
      const documents = readFileSync(join(root, folder, file), "utf8").match(/\bgraphql\(`[^`]*`/g);
      if (documents) hash.update(documents.join("\n"));
    }
  }
  return hash.digest("hex");
}

const isCode = (file) => file.endsWith(".ts") && !/^gen\b/.test(file);

// `npm run generate` ends with this.
const self = fileURLToPath(import.meta.url);
if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === self) {
  const root = dirname(dirname(self));
  writeFileSync(join(root, STAMP), madeFrom(root));
}
