import { ERROR_CODES } from "../src/errors.ts";
import { builder } from "./builder.ts";

/** No field answers it: errors carry it. Clients are typed from it, so that their tables of codes are complete. */
builder.enumType("ErrorCode", {
  description:
    "What went wrong: `extensions.code` of every error. `extensions.retryable` says whether the same request may be sent again, `extensions.retryAfterMs` after how many milliseconds; what else a program needs stands beside them. Later servers may add codes.",
  values: ERROR_CODES,
});
