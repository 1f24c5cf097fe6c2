import { isIP } from "node:net";
import { z } from "zod";
import { list, setting } from "./setting.ts";

/** Where webhooks may be sent to. */
export const webhooks = z
  .object({
    DOCKET_WEBHOOK_PRIVATE_NETWORKS: setting(
      list
        .refine(
          (networks) => networks.every(isNetwork),
          "must be addresses or networks like 10.0.0.0/8, separated by commas",
        )
        .default([]),
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

function isNetwork(text: string): boolean {
  const [address = "", bits, ...more] = text.split("/");
  const version = isIP(address);
  if (version === 0 || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}
