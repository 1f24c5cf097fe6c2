import { escapeHtml } from "../page.ts";
import type { JsonSchema, OpenApi, Operation } from "./openapi.ts";

/** The OpenAPI document to read: plain HTML, no scripts. */
export function docsOf({ info, paths, components }: OpenApi): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })),
  );
  const links = operations.map(
    ({ name, operation }) => `<li><a href="#${operation.operationId}">${escapeHtml(name)}</a>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>REST API · Docket</title>
<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 56rem; margin: 0 auto; padding: 1rem; }
h2 { border-top: 1px solid #8886; padding-top: 1rem; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #8883; }
code { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
</style>
</head>
<body>
<h1>Docket ${escapeHtml(info.version)}: REST API</h1>
<p>${escapeHtml(info.description)}</p>
<p>Send <code>Authorization: Bearer dk_…</code>. Every path is there under <code>/api/v1</code> as well. Programs read
<a href="/openapi.json">/openapi.json</a>.</p>
<ul>${links.join("\n")}</ul>
${operations.map(({ name, operation }) => operationHtml(name, operation)).join("\n")}
${Object.entries(components.schemas)
  .map(([name, schema]) => `<h2 id="${escapeHtml(name)}">${escapeHtml(name)}</h2>\n${schemaHtml(schema)}`)
  .join("\n")}
</body>
</html>
`;
}

function operationHtml(name: string, { operationId, summary, description, parameters, ...rest }: Operation): string {
  const rows = parameters.map((one) => row(one.name, one.in, one.schema, one.description, one.required));
  const responses = Object.entries(rest.responses).map(
    ([status, { description: said }]) => `<tr><td>${status}<td>${escapeHtml(said)}`,
  );
  const body = Object.values(rest.requestBody?.content ?? {}).map(({ schema }) => `<h3>Body</h3>${schemaHtml(schema)}`);
  const answer = Object.entries(rest.responses["200"]?.content ?? {}).map(
    ([type, { schema }]) => `<h3>Answer (${escapeHtml(type)})</h3>${schemaHtml(schema)}`,
  );
  return `<h2 id="${operationId}"><code>${escapeHtml(name)}</code></h2>
<p>${escapeHtml([`${summary}.`, description].join(" "))}</p>
<h3>Parameters</h3><table>${rows.join("\n")}</table>
${body.join("")}${answer.join("")}
<h3>Statuses</h3><table>${responses.join("\n")}</table>`;
}

function schemaHtml(schema: JsonSchema): string {
  const { description, properties, required = [] } = schema;
  const said = description === undefined ? "" : `<p>${escapeHtml(description)}</p>`;
  if (!properties) return `${said}<p>${typeHtml(schema)}</p>`;
  const rows = Object.entries(properties).map(([name, property]) =>
    row(name, undefined, property, property.description, required.includes(name)),
  );
  return `${said}<table>${rows.join("\n")}</table>`;
}

function row(name: string, where: string | undefined, schema: JsonSchema, description = "", required = false): string {
  const place = where === undefined ? "" : ` <small>${where}</small>`;
  return `<tr><td><code>${escapeHtml(name)}</code>${place}<td>${typeHtml(schema)}${required ? ", required" : ""}<td>${escapeHtml(description)}`;
}

function typeHtml({ $ref, anyOf, items, enum: choices, type, format, default: usual }: JsonSchema): string {
  const unless = usual === undefined ? "" : `, default <code>${escapeHtml(JSON.stringify(usual))}</code>`;
  if ($ref !== undefined) {
    const name = escapeHtml($ref.split("/").at(-1) ?? "");
    return `<a href="#${name}">${name}</a>${unless}`;
  }
  if (anyOf) return `${anyOf.map(typeHtml).join(" or ")}${unless}`;
  if (choices) return `${choices.map((one) => `<code>${escapeHtml(String(one))}</code>`).join(" or ")}${unless}`;
  if (items) return `list of ${typeHtml(items)}${unless}`;
  const types = format ?? (typeof type === "string" ? type : type?.join(" or "));
  return escapeHtml(types ?? "anything") + unless;
}
