import { resolve } from "node:path";
import { z } from "zod";
import { setting } from "./setting.ts";

/** Absolute path of the folder with the first keys and the embedded database. */
export const home = z
  .object({
    DOCKET_HOME: setting(z.string().default(".docket"), {
      meaning: "folder of the first keys and the embedded data",
    }),
  })
  .transform((env) => resolve(env.DOCKET_HOME))
  .readonly();
