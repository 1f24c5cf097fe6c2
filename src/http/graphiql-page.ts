/**
 * What the page of GraphiQL does beside GraphiQL. These functions are sent to the browser as text, so each stands alone:
 * it uses nothing but its parameters and what every browser has.
 */

interface StoredTab {
  readonly query: string | null;
  readonly variables: string | null;
  readonly headers: string | null;
}

interface StoredTabs {
  readonly activeTabIndex: number;
  readonly tabs: readonly StoredTab[];
}

/** The storage that GraphiQL keeps its tabs in, or a stand-in for it. */
interface TabStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/**
 * Chooses the tab to open with. GraphiQL itself adds one called `<untitled>` whenever what it is told to open is in no
 * tab that it stored, and shows the ready-made ones only where it has stored none: a browser that knows another server
 * of this address never saw them.
 * @param asked the document in the address, null without one.
 * @returns what GraphiQL is told to open; nothing to leave it to GraphiQL.
 */
export function openingTab(
  readyMade: readonly { readonly query: string; readonly variables?: string }[],
  storage: TabStorage,
  asked: string | null,
): { query?: string; variables?: string } {
  const read = (): StoredTabs | null => {
    try {
      const stored = JSON.parse(storage.getItem("graphiql:tabState") ?? "null");
      return Array.isArray(stored?.tabs) && stored.tabs.length > 0 ? stored : null;
    } catch {
      return null;
    }
  };
  let stored = storage.getItem("docket:visited") === null ? null : read();
  if (stored === null) {
    const tabs = readyMade.map(({ query, variables = null }, i) => {
      const title = /^(?!#).*(?:query|subscription|mutation)\s+(\w+)/m.exec(query)?.[1] ?? null;
      return {
        id: `docket-${i}`,
        title: title ?? "Docket",
        query,
        variables,
        headers: null,
        operationName: title,
        response: null,
      };
    });
    stored = { activeTabIndex: 0, tabs };
    storage.setItem("docket:visited", "yes");
  }
  const active = stored.tabs[stored.activeTabIndex] ?? stored.tabs[0];
  const chosen = asked === null || active?.query === asked ? active : stored.tabs.find(({ query }) => query === asked);
  storage.setItem("graphiql:tabState", JSON.stringify(stored));
  // GraphiQL compares these as well when it looks for the tab.
  storage.setItem("graphiql:headers", chosen?.headers ?? "");
  storage.setItem("graphiql:variables", chosen?.variables ?? "");
  storage.setItem("graphiql:query", chosen?.query ?? asked ?? "");
  if (!chosen) return {};
  return { query: chosen.query ?? "", ...(chosen.variables !== null && { variables: chosen.variables }) };
}

/**
 * Keeps the last frames of a subscription in sight: GraphiQL shows each result in the place of the one before. The
 * message of a frame gets those before it, newest first, as `extensions.earlierFrames`; empty ones, which only show that
 * the stream lives, are not kept.
 * @returns a function from the text of a WebSocket's message to the text that GraphiQL gets.
 */
export function frameKeeper(mostFrames: number, mostCharacters: number): (text: string) => string {
  const kept = new Map<string, string[]>();
  const hasNews = (data: unknown) =>
    Object.values(data ?? {}).some((frame) =>
      Object.values(frame ?? {}).some((part) => Array.isArray(part) && part.length > 0),
    );
  return (text) => {
    const message = JSON.parse(text);
    if (message.type === "complete" || message.type === "error") kept.delete(message.id);
    if (message.type !== "next" || !message.payload?.data) return text;
    const frames = kept.get(message.id) ?? [];
    const earlierFrames = frames.map((frame) => JSON.parse(frame));
    if (earlierFrames.length > 0) message.payload.extensions = { ...message.payload.extensions, earlierFrames };
    if (hasNews(message.payload.data)) {
      frames.unshift(JSON.stringify(message.payload.data));
      let size = 0;
      const fitting = frames.findIndex((frame, i) => {
        size += frame.length;
        return i > 0 && (i >= mostFrames || size > mostCharacters);
      });
      kept.set(message.id, fitting < 0 ? frames : frames.slice(0, fitting));
    }
    return JSON.stringify(message);
  };
}

/**
 * Remembers what this browser claims, so that a document with the variables `$task` and `$attempt` can complete it: where
 * they are not given, they become those of the latest claim that was not completed yet.
 * @param send what GraphiQL's requests are sent with otherwise.
 */
export function fillingClaims(send: typeof fetch, storage: TabStorage): typeof fetch {
  interface Claim {
    readonly task: string;
    readonly attempt: string;
  }
  const mostKept = 100;
  const read = (): Claim[] => {
    try {
      return JSON.parse(storage.getItem("docket:claims") ?? "[]");
    } catch {
      return [];
    }
  };
  return async (input, init) => {
    const body = typeof init?.body === "string" ? JSON.parse(init.body) : {};
    const query = String(body.query);
    const { task, attempt } = body.variables ?? {};
    const asks = /\$task\b/.test(query) && /\$attempt\b/.test(query) && task == null && attempt == null;
    const filled = asks ? read().at(-1) : undefined;
    if (asks && filled === undefined) {
      const message = "There is nothing to complete in this browser: play the tab Claim first.";
      return Response.json({ errors: [{ message }] });
    }
    const variables = { ...body.variables, ...filled };
    const response = await send(input, filled ? { ...init, body: JSON.stringify({ ...body, variables }) } : init);
    if (filled === undefined && !query.includes("claimNextTask")) return response;

    const answer = await response
      .clone()
      .json()
      .catch(() => null);
    const fault = answer?.errors?.[0]?.extensions?.code;
    const isOver = answer?.data && (fault === undefined || /^(LEASE_LOST|TASK_NOT_FOUND)$/.test(fault));
    const claims = read().filter((claim) => !(isOver && claim.attempt === filled?.attempt));
    const claimed = answer?.data?.claimNextTask;
    if (claimed?.attempt && claimed.task?.taskId) claims.push({ task: claimed.task.taskId, attempt: claimed.attempt });
    storage.setItem("docket:claims", JSON.stringify(claims.slice(-mostKept)));
    return response;
  };
}

/** Waits before a WebSocket is opened anew: half a second, then twice as long each time, 5 to 10 seconds in the end. */
export function waitToRetry(tries: number): Promise<void> {
  const ms = Math.min(500 * 2 ** tries, 5_000) * (1 + Math.random());
  return new Promise((resolve) => setTimeout(resolve, ms));
}
