import { z } from "zod";
import { isNetwork, NO_NETWORKS } from "./networks.ts";
import { list, setting } from "./setting.ts";

/** Where webhooks may be sent to. */
export const webhooks = z
  .object({
    DOCKET_WEBHOOK_PRIVATE_NETWORKS: setting(
      list.refine((networks) => networks.every(isNetwork), NO_NETWORKS).default([]),
      {
        meaning: "private addresses and networks like `10.0.0.0/8` that [webhooks](docs/webhooks.md) may be sent to",
        unset: "none",
        shown: true,
      },
    ),
  })
  .transform((env) => ({
    /** Private addresses and networks (CIDR) that webhooks may be sent to; none otherwise. */
    privateNetworks: env.DOCKET_WEBHOOK_PRIVATE_NETWORKS,
  }))
  .readonly();
