import { BlockList, isIP } from "node:net";

/** Whether a text is an IP address, or a network in CIDR notation like 10.0.0.0/8. */
export function isNetwork(text: string): boolean {
  const [address = "", bits, ...more] = text.split("/");
  const version = isIP(address);
  if (version === 0 || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

export const NO_NETWORKS = "must be addresses or networks like 10.0.0.0/8, separated by commas";

/** Addresses and networks, to ask whether an address is of them. */
export class Networks {
  readonly #list = new BlockList();

  constructor(networks: readonly string[]) {
    for (const network of networks) {
      const [address = "", bits] = network.split("/");
      const version = isIP(address);
      this.#list.addSubnet(address, Number(bits ?? (version === 6 ? 128 : 32)), version === 6 ? "ipv6" : "ipv4");
    }
  }

  has(address: string): boolean {
    const version = isIP(address);
    return version !== 0 && this.#list.check(address, version === 6 ? "ipv6" : "ipv4");
  }
}
