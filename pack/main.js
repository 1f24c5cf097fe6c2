// `npm run build`: the JavaScript that the package runs; a clone runs its sources. Plain JavaScript, as those need what is
// generated first.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { generate } from "../cli/generate.js";

if (generate()) {
  const { makeBundle } = await import("./bundle.ts");
  await makeBundle(join(dirname(dirname(fileURLToPath(import.meta.url))), "dist"));
}
