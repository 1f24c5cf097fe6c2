import {
  type Attributes,
  type Context,
  createTraceState,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import type { TraceCarrier } from "../../../client/request.ts";
import packageJson from "../../../package.json" with { type: "json" };
import type { TracesConfig } from "../../config/traces.ts";
import { Outage, type OutageLogger } from "../../log/outage.ts";
import { OpenSpan } from "./open-span.ts";

/** How long a server that stops waits for its last spans to be taken, in milliseconds. */
const LAST_EXPORT_MS = 3_000;
/** Later versions may say more at the end. */
const TRACEPARENT = /^(?!ff)(?:00|[\da-f]{2}(?=-.{52}(?:-|$)))-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;

/** The spans of this process, on their way to a collector. */
export class Traces {
  readonly #provider: TracerProvider;
  readonly #tracer: Tracer;

  constructor({ url, serviceName, sampler, ratio }: TracesConfig, logger: OutageLogger) {
    this.#provider = new TracerProvider({
      resource: defaultResource()
        .merge(resourceFromAttributes({ "service.name": serviceName, "service.version": packageJson.version }))
        .merge(detectResources({ detectors: [serviceInstanceIdDetector, envDetector] })),
      sampler: samplerOf(sampler, ratio),
      spanProcessors: [new BatchSpanProcessor({ exporter: reported(new OTLPTraceExporter({ url }), logger) })],
    });
    this.#tracer = this.#provider.getTracer("docket", packageJson.version);
  }

  /**
   * A span within the trace that the caller names, else within `around`, else the first of a new trace.
   * @returns null where it is not recorded.
   */
  begin(name: string, attributes: Attributes, from: TraceCarrier, around: OpenSpan | null = null): OpenSpan | null {
    const theirs = contextOf(from);
    if (theirs || !around) return OpenSpan.begin(this.#tracer, name, attributes, theirs ?? ROOT_CONTEXT);
    return around.begin(name, attributes);
  }

  /** Sends what is left, as far as somebody takes it in time. */
  async close(): Promise<void> {
    const { promise: over, resolve: giveUp } = Promise.withResolvers<void>();
    const patience = setTimeout(giveUp, LAST_EXPORT_MS);
    // What failed was reported.
    await Promise.race([this.#provider.shutdown().catch(() => undefined), over]);
    clearTimeout(patience);
  }
}

/** What else a later version says is kept with its span, and is not read. */
const LONGEST_TRACEPARENT = 512;

/** Where the caller's trace goes on; undefined where it names none, or not as the standard has it. */
function contextOf({ traceparent, tracestate }: TraceCarrier): Context | undefined {
  if (typeof traceparent !== "string" || traceparent.length > LONGEST_TRACEPARENT) return undefined;
  const [, traceId, spanId, flags, more] = TRACEPARENT.exec(traceparent) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (more !== undefined && traceparent.startsWith("00")) return undefined;
  const context = {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & 1,
    isRemote: true,
    ...(typeof tracestate === "string" && { traceState: createTraceState(tracestate) }),
  };
  return isSpanContextValid(context) ? trace.setSpanContext(ROOT_CONTEXT, context) : undefined;
}

function samplerOf(name: TracesConfig["sampler"], ratio: number): Sampler {
  const root = name.endsWith("always_off")
    ? new AlwaysOffSampler()
    : name.endsWith("traceidratio")
      ? new TraceIdRatioBasedSampler(ratio)
      : new AlwaysOnSampler();
  return name.startsWith("parentbased_") ? new ParentBasedSampler({ root }) : root;
}

/** Says in the log that nobody takes the spans, and when somebody does again. */
function reported(exporter: SpanExporter, logger: OutageLogger): SpanExporter {
  const outage = new Outage(logger, "Sending traces");
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.error) outage.failed(result.error);
        else outage.over();
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
  };
}
