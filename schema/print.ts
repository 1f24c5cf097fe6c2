import { writeFileSync } from "node:fs";
import { printedSchema, printedVerbs } from "./index.ts";

/** `npm run schema`: brings both files up to date; clients read them, and a test refuses drift. */
writeFileSync(new URL("schema.graphql", import.meta.url), printedSchema());
writeFileSync(new URL("verbs.json", import.meta.url), printedVerbs());
