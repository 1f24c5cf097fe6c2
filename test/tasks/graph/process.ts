import { SERVER } from "../../../src/access/viewer.ts";
import { openDatabase } from "../../../src/db/database.ts";
import { PATIENCE } from "../../support/patience.ts";
import { type Action, act, type Projects } from "./act.ts";

/** What another process is to do at once, each list in its order. */
export interface Work {
  readonly projects: Projects;
  readonly count: number;
  readonly lists: readonly (readonly Action[])[];
}

// Does what it is sent until its parent goes; answers with what went wrong, or null.
const [url = ""] = process.argv.slice(2);
const database = openDatabase({ url, size: 4, applicationName: "docket second process", patience: PATIENCE });
const viewer = { ...SERVER, actor: "dk_test0002/admin", client: "second process" };
process.once("disconnect", () => void database.close().then(() => process.exit()));
process.on("message", ({ projects, count, lists }: Work) => {
  const ctx = { db: database, viewer, correlationId: "second process" };
  Promise.all(lists.map((actions) => act(ctx, projects, count, actions))).then(
    () => process.send?.(null),
    (error: Error) => process.send?.(error.stack ?? error.message),
  );
});
process.send?.(null);
