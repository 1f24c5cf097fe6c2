import packageJson from "../../package.json" with { type: "json" };

/** The policy of a page without scripts. */
export const PLAIN_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'";

/** A small page of the server's own: plain HTML, no scripts. `body` is HTML. */
export function renderPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)} · Docket</title>
<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { display: grid; place-content: center; min-height: 100vh; margin: 0; padding: 1rem; }
main { max-width: 26rem; }
h1 { font-size: 1.5rem; margin: 0 0 1rem; }
form { display: grid; gap: .75rem; margin: 1rem 0; }
input, button { font: inherit; padding: .5rem .75rem; border-radius: .4rem; border: 1px solid #8888; }
button { background: #2453d8; color: #fff; border-color: #2453d8; cursor: pointer; }
.fault { border-left: 4px solid #d03030; padding-left: .75rem; }
small { opacity: .75; }
</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
${body}
<small>Docket ${packageJson.version}</small>
</main>
</body>
</html>
`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
