import { z } from "zod";
import { setting } from "./setting.ts";

export type TracesConfig = NonNullable<z.output<typeof traces>>;

const SAMPLERS = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;

const address = z
  .string()
  .refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ""), "must be an address like http://localhost:4318");

/** Where traces go, by OpenTelemetry's own variables; null: nowhere, and nothing of OpenTelemetry is loaded. */
export const traces = z
  .object({
    OTEL_EXPORTER_OTLP_ENDPOINT: setting(address.optional(), {
      meaning: "the collector that gets [traces](docs/traces.md), by OTLP over HTTP at `/v1/traces`",
      unset: "no traces",
    }),
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: setting(address.optional(), {
      meaning: "the same as the whole address, where its path is another one",
    }),
    OTEL_SERVICE_NAME: setting(z.string().default("docket"), {
      meaning: "what this server is called in traces",
      shown: true,
    }),
    OTEL_TRACES_SAMPLER: setting(
      z.enum(SAMPLERS, `must be one of ${SAMPLERS.join(", ")}`).default("parentbased_always_on"),
      {
        meaning:
          "which requests are traced: `always_on`, `always_off` or `traceidratio`, and with `parentbased_` before it where " +
          "the caller does not say",
        shown: true,
      },
    ),
    OTEL_TRACES_SAMPLER_ARG: setting(
      z
        .string()
        .refine((text) => /^(0|1|[01]?\.\d+)$/.test(text) && Number(text) <= 1, "must be a number from 0 to 1")
        .transform(Number)
        .default(1),
      { meaning: "the part of them that `traceidratio` traces", shown: true },
    ),
    OTEL_TRACES_EXPORTER: setting(z.enum(["otlp", "none"], "must be otlp or none").default("otlp"), {
      meaning: "`none`: no traces, where the collector is for others",
      shown: true,
    }),
    OTEL_SDK_DISABLED: setting(
      z
        .string()
        .transform((text) => text.toLowerCase() === "true")
        .default(false),
      { meaning: "`true`: the same", shown: true },
    ),
  })
  .transform((env) => {
    const { OTEL_EXPORTER_OTLP_ENDPOINT: collector, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: whole } = env;
    const url = whole ?? (collector && `${collector.replace(/\/+$/, "")}/v1/traces`);
    if (url === undefined || env.OTEL_TRACES_EXPORTER === "none" || env.OTEL_SDK_DISABLED) return null;
    return {
      url,
      serviceName: env.OTEL_SERVICE_NAME,
      sampler: env.OTEL_TRACES_SAMPLER,
      ratio: env.OTEL_TRACES_SAMPLER_ARG,
    };
  })
  .readonly();
