import packageJson from "../../../package.json" with { type: "json" };
import type { TracesConfig } from "../../config/traces.ts";
import type { OutageLogger } from "../../log/outage.ts";
import type { Traces } from "./traces.ts";

const { devDependencies: tested } = packageJson;
/** In the versions that they were tested in together. */
const PACKAGES = (
  [
    "@opentelemetry/api",
    "@opentelemetry/resources",
    "@opentelemetry/sdk-trace",
    "@opentelemetry/exporter-trace-otlp-http",
  ] as const
).map((name) => `${name}@${tested[name]}`);

/**
 * Only a server whose traces go somewhere loads OpenTelemetry, which its package does not bring along.
 * @throws Error that says what to install where it is not there.
 */
export async function openTraces(config: TracesConfig, logger: OutageLogger): Promise<Traces> {
  try {
    const { Traces } = await import("./traces.ts");
    return new Traces(config, logger);
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND";
    if (!isMissing || !error.message.includes("@opentelemetry/")) throw error;
    throw new Error(
      `OTEL_EXPORTER_OTLP_ENDPOINT, or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, asks for traces, which need packages that are not installed. Either take it out of the environment, or run where Docket is installed: npm install ${PACKAGES.join(" ")}`,
      { cause: error },
    );
  }
}
