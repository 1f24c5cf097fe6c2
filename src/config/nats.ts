import { resolve } from "node:path";
import { z } from "zod";
import { list, setting } from "./setting.ts";

export type NatsConfig = NonNullable<z.output<typeof nats>>;

/** The bus that events go to; null: none. */
export const nats = z
  .object({
    DOCKET_NATS_URL: setting(
      list
        .refine(
          (urls) => urls.every((url) => /^(nats|tls|wss?):$/.test(URL.parse(url)?.protocol ?? "")),
          "must be addresses like nats://localhost:4222, separated by commas",
        )
        .default([]),
      {
        meaning: "servers of the [NATS JetStream](docs/nats.md) that gets all events, separated by commas",
        unset: "no bus",
      },
    ),
    DOCKET_NATS_CREDENTIALS: setting(z.string().optional(), { meaning: "file of the credentials for it" }),
    DOCKET_NATS_STREAM: setting(
      z
        .string()
        .regex(/^[^\s.*>/\\]{1,255}$/, "must be the name of a stream, without spaces, dots, slashes, * and >")
        .default("DOCKET"),
      { meaning: "the stream that takes the events; it is made when it is not there", shown: true },
    ),
    DOCKET_NATS_SUBJECT: setting(
      z
        .string()
        .refine(
          isSubjectPattern,
          "must be a subject like docket.{project}.{noun}.{action}, with {noun} and {action} in it",
        )
        .default("docket.{project}.{noun}.{action}"),
      { meaning: "the subject of an event", shown: true },
    ),
  })
  .transform((env) => {
    if (env.DOCKET_NATS_URL.length === 0) return null;
    return {
      /** nats://, tls://, ws:// or wss://; any of them will do. */
      servers: env.DOCKET_NATS_URL,
      /** Absolute path of a credentials file (JWT and NKey seed); null: none, or what the addresses hold. */
      credentialsFile: env.DOCKET_NATS_CREDENTIALS ? resolve(env.DOCKET_NATS_CREDENTIALS) : null,
      /** The JetStream stream that takes the events; made when it is not there. */
      stream: env.DOCKET_NATS_STREAM,
      /** Subject of an event, with {project}, {noun} and {action} filled in. */
      subject: env.DOCKET_NATS_SUBJECT,
    };
  })
  .readonly();

/** Tokens of letters, digits, - and _, or of the placeholders; an event's noun and action must tell its type. */
function isSubjectPattern(text: string): boolean {
  const tokens = text.split(".");
  return (
    tokens.every((token) => /^([\w-]|\{(project|noun|action)\})+$/.test(token)) &&
    ["{noun}", "{action}"].every((part) => text.includes(part))
  );
}
