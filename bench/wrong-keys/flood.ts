import { randomBytes } from "node:crypto";
import { Agent, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

/** What the parent sends: how long to flood whom. The answer is how many requests of each status were answered. */
export interface Flood {
  readonly url: string;
  readonly perSecond: number;
  readonly seconds: number;
}

/** Another address than that of everybody else; Linux has all of 127.0.0.0/8. */
const ADDRESS = "127.0.0.2";
const BODY = JSON.stringify({ query: "{ viewer { name } }" });
const CONNECTIONS = 64;
const MOST_OPEN = 2 * CONNECTIONS;
const TURN_MS = 5;

const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS, localAddress: ADDRESS });

process.on("message", async ({ url, perSecond, seconds }: Flood) => {
  const answered = new Map<string, number>();
  const count = (what: string) => answered.set(what, (answered.get(what) ?? 0) + 1);
  const startedAt = performance.now();
  let sent = 0;
  let open = 0;
  while (performance.now() < startedAt + seconds * 1000) {
    const due = Math.floor(((performance.now() - startedAt) * perSecond) / 1000);
    for (; sent < due && open < MOST_OPEN; sent++) {
      open++;
      send(url)
        .then(count, () => count("failed"))
        .finally(() => open--);
    }
    // What could not be sent is not made up for: more would only wait here.
    sent = due;
    await delay(TURN_MS);
  }
  process.send?.(Object.fromEntries(answered));
});

function send(url: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const headers = {
    "content-type": "application/json",
    authorization: `Bearer dk_${randomBytes(24).toString("base64url")}`,
  };
  const asked = request(`${url}/graphql`, { method: "POST", agent, headers }, (response) => {
    response.resume().on("end", () => resolve(String(response.statusCode)));
  });
  asked.on("error", reject).end(BODY);
  return promise;
}
