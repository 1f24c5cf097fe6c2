import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { onTestFinished } from "vitest";

/** A span as it comes by OTLP. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  /** 2: it failed. */
  readonly status: { readonly code: number };
  readonly attributes: Readonly<Record<string, unknown>>;
  /** The attributes of what sent it. */
  readonly resource: Readonly<Record<string, unknown>>;
}

interface Sent {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Pair[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly (Omit<Span, "attributes" | "resource"> & { readonly attributes: readonly Pair[] })[];
    }[];
  }[];
}

interface Pair {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** What takes traces by OTLP over HTTP, in JSON, until the test ends. */
export interface Collector {
  /** Without a path. */
  readonly url: string;
  readonly spans: readonly Span[];
  /** The spans of a trace as lines, each within the one before that is indented less. */
  treeOf(traceId: string): string[];
}

export async function startCollector(): Promise<Collector> {
  const spans: Span[] = [];
  const server = createServer(async (request, response) => {
    const isHere = request.url === "/v1/traces";
    const { resourceSpans } = (await json(request)) as Sent;
    for (const { resource, scopeSpans } of isHere ? resourceSpans : [])
      for (const { spans: sent } of scopeSpans)
        for (const { attributes, ...span } of sent)
          spans.push({ ...span, attributes: valuesOf(attributes), resource: valuesOf(resource.attributes) });
    response.writeHead(isHere ? 200 : 404, { "content-type": "application/json" }).end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const within = (spanId: string, indent: string): string[] =>
    spans
      .filter(({ parentSpanId }) => parentSpanId === spanId)
      .flatMap(({ name, spanId: id }) => [`${indent}${name}`, ...within(id, `${indent}  `)]);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    treeOf(traceId) {
      const ofTrace = spans.filter((span) => span.traceId === traceId);
      const roots = ofTrace.filter(({ parentSpanId }) => !ofTrace.some(({ spanId }) => spanId === parentSpanId));
      return roots.flatMap(({ name, spanId }) => [name, ...within(spanId, "  ")]);
    },
  };
}

const valuesOf = (pairs: readonly Pair[]) =>
  Object.fromEntries(pairs.map(({ key, value }) => [key, Object.values(value)[0]]));
