import {
  JetStreamApiCodes,
  JetStreamApiError,
  jetstreamManager,
  StorageType,
  type StreamAPI,
  type StreamConfig,
} from "@nats-io/jetstream";
import { type NatsConnection, nanos, PermissionViolationError, TimeoutError } from "@nats-io/transport-node";
import type { NatsConfig } from "../../config/nats.ts";
import { covers, wildcardOf } from "./subject.ts";

/** An event that comes again within this time is recognised by its id, in milliseconds. */
const DUPLICATE_WINDOW_MS = 3_600_000;
const ANSWER_MS = 2_000;

/**
 * The stream that takes the events; made when it is not there. One that exists is left alone: its limits are its
 * operator's.
 * @throws Error that says what to do where it cannot take them.
 */
export async function ensureStream(
  connection: NatsConnection,
  { stream, subject }: Pick<NatsConfig, "stream" | "subject">,
): Promise<StreamConfig> {
  const wanted = wildcardOf(subject);
  try {
    const { streams } = await jetstreamManager(connection, { checkAPI: false, timeout: ANSWER_MS });
    const { config } = await streams.info(stream).catch((error: unknown) => {
      if (isNotFound(error)) return create(streams, { name: stream, subjects: [wanted] });
      throw error;
    });
    if (!config.subjects?.some((taken) => covers(taken, wanted)))
      throw new Error(
        `The stream ${stream} does not take ${wanted}. Add that to its subjects (nats stream edit ${stream}), ` +
          "or name another one with DOCKET_NATS_STREAM or other subjects with DOCKET_NATS_SUBJECT.",
      );
    if (config.no_ack)
      throw new Error(`The stream ${stream} acknowledges nothing (no_ack). Name another with DOCKET_NATS_STREAM.`);
    return config;
  } catch (error) {
    throw explain(error, stream, wanted, connection.getServer());
  }
}

async function create(streams: StreamAPI, names: { name: string; subjects: string[] }) {
  const config = { ...names, description: "Events of Docket", storage: StorageType.File };
  try {
    return await streams.add({ ...config, duplicate_window: nanos(DUPLICATE_WINDOW_MS) });
  } catch (error) {
    // A server may limit the window; its own default is always within.
    if (!(error instanceof JetStreamApiError && /duplicate/i.test(error.message))) throw error;
    return await streams.add(config);
  }
}

function explain(error: unknown, stream: string, wanted: string, host: string): unknown {
  if (error instanceof TimeoutError)
    return new Error(
      `JetStream at ${host} was asked for the stream ${stream} and gave no answer for ${ANSWER_MS / 1000} s. ` +
        "Check that it is up: nats server report jetstream.",
    );
  if (isNotEnabled(error))
    return new Error(
      "JetStream is not enabled on this NATS server or account. Start it with -js, or enable jetstream.",
    );
  if (error instanceof Error && error.cause instanceof PermissionViolationError)
    return new Error(
      `${error.message}. The user has to publish to $JS.API.STREAM.INFO.${stream}, $JS.API.STREAM.CREATE.${stream} ` +
        `(unless the stream exists) and ${wanted}, and to subscribe to _INBOX.>.`,
    );
  if (error instanceof JetStreamApiError)
    return new Error(`NATS refuses the stream ${stream} for ${wanted}: ${error.message}`);
  return error;
}

/** Of an answer to a publish: that no stream takes the subject, or none any more. */
export function isNotEnabled(error: unknown): boolean {
  return error instanceof Error && error.name === "JetStreamNotEnabled";
}

function isNotFound(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound;
}
