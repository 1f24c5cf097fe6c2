import { z } from "zod";
import { setting, wholeNumber } from "./setting.ts";

const MOST_PER_MINUTE = 100_000_000;
const perMinute = (usual: number, meaning: string) =>
  setting(wholeNumber(0, MOST_PER_MINUTE).default(usual), { meaning: `${meaning}; 0 for no limit`, shown: true });

/** How often callers may do something. Each process counts for itself. */
export const limits = z
  .object({
    DOCKET_FIELDS_PER_MINUTE: perMinute(
      12_000,
      "root fields of queries, mutations and subscriptions that one key may ask one server for in a minute",
    ),
    DOCKET_RESERVATIONS_PER_MINUTE: perMinute(
      600,
      "reservations of IDs that one key may make in one project and on one server in a minute",
    ),
    DOCKET_FAILED_SIGN_INS_PER_MINUTE: perMinute(
      60,
      "wrong keys, tokens and links that one address may try on one server in a minute; keys that worked there before are taken all the same",
    ),
    DOCKET_LIMIT_BURST: setting(wholeNumber(1, 1_000_000).default(200), {
      meaning: "how many of these may come at once; what was used comes back evenly",
      shown: true,
    }),
  })
  .transform((env) => ({
    /** Root fields of one key; this and the next two are per minute and process, 0: no limit. */
    fieldsPerMinute: env.DOCKET_FIELDS_PER_MINUTE,
    /** Of one key in one project. */
    reservationsPerMinute: env.DOCKET_RESERVATIONS_PER_MINUTE,
    /** Of one address. */
    failedSignInsPerMinute: env.DOCKET_FAILED_SIGN_INS_PER_MINUTE,
    /** At once. */
    burst: env.DOCKET_LIMIT_BURST,
  }))
  .readonly();
