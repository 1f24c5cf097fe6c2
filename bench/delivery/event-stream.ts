import { request } from "node:http";
import { FollowDelivery } from "./documents.ts";
import { frameOf, localAddress, type Result, type Subscription } from "./frame.ts";

const QUERY = FollowDelivery.toString();

/** Asks for one subscription as server-sent events, on a connection of its own. The answer cuts it off. */
export function openEventStream({ server, variables, index, onFrame, onFault }: Subscription): () => void {
  const asked = request(`${server.url}/graphql`, {
    method: "POST",
    agent: false,
    localAddress: localAddress(index),
    headers: {
      authorization: `Bearer ${server.apiKey}`,
      accept: "text/event-stream",
      "content-type": "application/json",
    },
  });
  let closed = false;
  const close = () => {
    closed = true;
    asked.destroy();
  };
  const fault = (error: Error) => {
    if (closed) return;
    close();
    onFault(error);
  };
  asked.on("error", fault);
  asked.on("response", (response) => {
    if (response.statusCode !== 200) return fault(new Error(`The server refused a stream: ${response.statusCode}`));
    let rest = "";
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      try {
        const messages = `${rest}${chunk}`.split("\n\n");
        rest = messages.pop() ?? "";
        for (const message of messages) {
          const result = resultIn(message);
          if (result && !closed) onFrame(frameOf(result));
        }
      } catch (error) {
        fault(error as Error);
      }
    });
    response.on("error", fault);
    response.on("close", () => fault(new Error("The server closed a stream.")));
  });
  asked.end(JSON.stringify({ query: QUERY, variables }));
  return close;
}

/** What a message of the kind `next` holds; nothing in comments and in the message that ends a stream. */
function resultIn(message: string): Result | undefined {
  const fields = message.split("\n");
  if (!fields.includes("event: next")) return undefined;
  const data = fields.filter((field) => field.startsWith("data:")).map((field) => field.slice("data:".length));
  return JSON.parse(data.join("\n")) as Result;
}
