import { z } from "zod";
import { setting, wholeNumber } from "./setting.ts";

/** The tasks of all projects. */
export const tasks = z
  .object({
    ARCHIVE_AFTER_DAYS: setting(wholeNumber(0, 36_500).default(365), {
      meaning:
        "how long, in days, completed and deleted tasks stay on lists before they are archived; 0 keeps them for ever",
      shown: true,
    }),
  })
  .transform((env) => ({
    /** Days after which what was settled is archived; 0: never. */
    archiveAfterDays: env.ARCHIVE_AFTER_DAYS,
  }))
  .readonly();
