import { EventSource } from "eventsource";
import { FollowDelivery } from "./documents.ts";
import { frameOf, type Result, type Subscription } from "./frame.ts";

const QUERY = FollowDelivery.toString();

/** Asks for one subscription as server-sent events, as a browser does. The answer cuts it off. */
export function openEventStream({ server, variables, onFrame, onFault }: Subscription): () => void {
  const asked = new URLSearchParams({ query: QUERY, variables: JSON.stringify(variables) });
  const source = new EventSource(`${server.url}/graphql?${asked}`, {
    fetch: (url, init) =>
      fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${server.apiKey}` } }),
  });
  const fault = (error: Error) => {
    // It would connect again.
    source.close();
    onFault(error);
  };
  source.addEventListener("next", ({ data }) => {
    try {
      onFrame(frameOf(JSON.parse(data) as Result));
    } catch (error) {
      fault(error as Error);
    }
  });
  source.addEventListener("error", ({ code, message }) =>
    fault(new Error(`The server refused or closed a stream: ${code ?? ""} ${message ?? ""}`)),
  );
  return () => source.close();
}
