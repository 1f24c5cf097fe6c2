import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { errorCode } from "../../db/faults.ts";
import type { OnStatement } from "../../db/timed.ts";

/** How what a span stands for has ended. */
interface Ended {
  /** The code of its error. */
  readonly code?: string | null | undefined;
  /** Whether that makes the span one that failed; it does unless this says otherwise. */
  readonly failed?: boolean;
  /** What was asked for, once that is known: stands behind the name. */
  readonly target?: string | null | undefined;
  readonly attributes?: Attributes;
}

/** A span that is open and recorded, with what begins those within it. */
export class OpenSpan {
  readonly #tracer: Tracer;
  readonly #span: Span;
  readonly #context: Context;
  readonly #name: string;

  private constructor(tracer: Tracer, span: Span, name: string) {
    this.#tracer = tracer;
    this.#span = span;
    this.#context = trace.setSpan(ROOT_CONTEXT, span);
    this.#name = name;
  }

  /** null where the sampler leaves it out, with all that would be within. */
  static begin(tracer: Tracer, name: string, attributes: Attributes, parent: Context): OpenSpan | null {
    const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent);
    return span.isRecording() ? new OpenSpan(tracer, span, name) : null;
  }

  /** As the log names it. */
  get traceId(): string {
    return this.#span.spanContext().traceId;
  }

  begin(name: string, attributes: Attributes): OpenSpan | null {
    return OpenSpan.begin(this.#tracer, name, attributes, this.#context);
  }

  end({ code, failed = true, target, attributes = {} }: Ended = {}): void {
    if (target) this.#span.updateName(`${this.#name} ${target}`);
    this.#span.setAttributes(attributes);
    endWith(this.#span, code, failed);
  }

  /** A statement of the database within it: its name alone, as its text and values may hold anything. */
  readonly onStatement: OnStatement = (name) => {
    const span = this.#tracer.startSpan(
      name ?? "postgresql",
      {
        kind: SpanKind.CLIENT,
        attributes: { "db.system.name": "postgresql", ...(name !== undefined && { "db.query.summary": name }) },
      },
      this.#context,
    );
    return (error) => {
      const code = error == null ? null : (errorCode(error) ?? "_OTHER");
      if (code !== null) span.setAttribute("db.response.status_code", code);
      endWith(span, code, true);
    };
  };
}

function endWith(span: Span, code: string | null | undefined, failed: boolean): void {
  if (code != null) {
    span.setAttribute("error.type", code);
    if (failed) span.setStatus({ code: SpanStatusCode.ERROR, message: code });
  }
  span.end();
}
