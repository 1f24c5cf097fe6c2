import { writeFileSync } from "node:fs";
import { printedSchema } from "./index.ts";

/** `npm run schema`: brings schema.graphql up to date; clients are typed from it and a test refuses drift. */
writeFileSync(new URL("schema.graphql", import.meta.url), printedSchema());
