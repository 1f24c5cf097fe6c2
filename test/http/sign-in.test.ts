import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect } from "../../src/db/connect.ts";
import { createSignInToken } from "../../src/keys/sign-in.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { connectSocket } from "../support/socket.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ keepOpen: true });
});
afterAll(() => server.close());

const viewer = JSON.stringify({ query: "{ viewer { actor role } }" });
const USED = /used already or is older than 10 minutes/;

async function linkFor(keyId?: string) {
  const made = keyId ?? (await server.makeKey({ name: "boss", role: "admin" })).keyId;
  return await createSignInToken(server.database, made);
}

function post(path: string, fields: Record<string, string>, headers: Record<string, string> = {}) {
  return fetch(`${server.url}${path}`, {
    method: "POST",
    redirect: "manual",
    headers: { origin: server.url, ...headers },
    body: new URLSearchParams(fields),
  });
}

/** The cookie that a sign-in sets, as a browser sends it back. */
async function signIn(fields: Record<string, string>): Promise<string> {
  const response = await post("/sign-in", fields);
  expect([response.status, response.headers.get("location")]).toEqual([303, "/graphql"]);
  return response.headers.get("set-cookie")?.split(";")[0] ?? "";
}

function ask(headers: Record<string, string>) {
  return fetch(`${server.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: viewer,
  });
}

describe("the sign-in link", () => {
  test("is not spent by looking at it, works once, and not again", async () => {
    const token = await linkFor();
    for (let look = 0; look < 3; look++) {
      const page = await fetch(`${server.url}/sign-in?token=${token}`);
      expect(page.status).toBe(200);
      expect(await page.text()).toContain(`value="${token}"`);
      expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    }
    const first = await post("/sign-in", { token });
    expect(first.headers.get("set-cookie")).toMatch(
      /^docket_session_\d+=ds_\w+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/,
    );
    const second = await post("/sign-in", { token });
    expect(second.status).toBe(401);
    expect(await second.text()).toMatch(USED);
    expect(second.headers.get("set-cookie")).toBeNull();
  });

  test("opens one session when its button is pressed twice at the same moment", async () => {
    const token = await linkFor();
    const answers = await Promise.all(Array.from({ length: 5 }, () => post("/sign-in", { token })));
    expect(answers.map(({ status }) => status).sort()).toEqual([303, 401, 401, 401, 401]);
  });

  test("is of no use after ten minutes, nor when its key was revoked, nor as a key", async () => {
    const key = await server.makeKey({ name: "boss", role: "admin" });
    const [late, orphaned] = [await linkFor(key.keyId), await linkFor(key.keyId)];
    expect((await server.gql("{ viewer { role } }", {}, { key: late })).errors).toBeDefined();
    await server.ask(
      "mutation ($keyId: ID!) { revokeApiKey(input: {keyId: $keyId}) { replayed } }",
      { keyId: key.keyId },
      { key: server.adminKey },
    );
    expect(await (await post("/sign-in", { token: orphaned })).text()).toMatch(USED);
    const fresh = await linkFor();
    const owner = await connect(server.test.ownerUrl, "docket test");
    await owner.query("INSERT INTO clock_offset (moved_by) VALUES ('10 minutes 1 second')");
    await owner.end();
    expect(await (await post("/sign-in", { token: fresh })).text()).toMatch(USED);
  });

  test("shows what it was given as text, never as markup", async () => {
    const { url } = server;
    const page = await fetch(`${url}/sign-in?token=${encodeURIComponent('"><script>alert(1)</script>')}`);
    expect(await page.text()).not.toContain("<script>");
  });
});

describe("a browser session", () => {
  test("acts in the name of its key, from this server's own pages only", async () => {
    const cookie = await signIn({ key: server.adminKey });
    const own = await ask({ cookie, origin: server.url });
    expect(await own.json()).toEqual({
      data: { viewer: { actor: `${server.adminKey.slice(0, 11)}/admin`, role: "ADMIN" } },
    });
    for (const headers of [{ cookie, origin: "http://localhost:1" }, { cookie }, { cookie, origin: "null" }]) {
      const foreign = await ask(headers as Record<string, string>);
      expect(foreign.status).toBe(403);
      expect(await foreign.text()).toMatch(/Origin must equal Host/);
    }
  });

  test("opens a WebSocket with its cookie", async () => {
    const cookie = await signIn({ key: server.agentKey });
    const socket = await connectSocket(server.wsUrl, {}, { headers: { cookie }, origin: server.url });
    socket.send({ type: "subscribe", id: "1", payload: { query: "{ viewer { name } }" } });
    expect(await socket.next()).toMatchObject({ payload: { data: { viewer: { name: "agent" } } } });
  });

  test("gets GraphiQL where any other browser gets the way to sign in", async () => {
    const headers = { accept: "text/html,application/xhtml+xml" };
    const anyone = await fetch(`${server.url}/graphql`, { headers, redirect: "manual" });
    expect([anyone.status, anyone.headers.get("location")]).toEqual([303, "/sign-in"]);
    const cookie = await signIn({ key: server.agentKey });
    const page = await fetch(`${server.url}/graphql`, { headers: { ...headers, cookie, "sec-fetch-site": "none" } });
    expect(page.status).toBe(200);
    expect(page.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    const html = await page.text();
    expect(html).toContain("Docket GraphiQL");
    // Its script is no part of it: browsers keep that, compiled, and no other runs.
    expect(page.headers.get("content-security-policy")).toContain("script-src 'self' blob:;");
    const [, address] = html.match(/<script src="(.+?)"><\/script>/) ?? [];
    const script = await fetch(`${server.url}${address}`, { headers: { cookie, "sec-fetch-site": "same-origin" } });
    expect([script.status, script.headers.get("content-type")]).toEqual([200, "text/javascript; charset=utf-8"]);
    expect(script.headers.get("cache-control")).toBe("private, max-age=31536000, immutable");
    expect((await script.text()).length).toBeGreaterThan(1_000_000);
    const nobody = await fetch(`${server.url}${address}`, { redirect: "manual" });
    expect([nobody.status, nobody.headers.get("location")]).toEqual([303, "/sign-in"]);
  });

  test("ends with its key, its streams too", async () => {
    const key = await server.makeKey({ name: "leaving" });
    const cookie = await signIn({ key: key.secret });
    const socket = await connectSocket(server.wsUrl, {}, { headers: { cookie }, origin: server.url });
    await server.ask(
      "mutation ($keyId: ID!) { revokeApiKey(input: {keyId: $keyId}) { replayed } }",
      { keyId: key.keyId },
      { key: server.adminKey },
    );
    expect(await socket.closed).toMatchObject({ code: 4403 });
    expect((await ask({ cookie, origin: server.url })).status).toBe(401);
  });

  test("ends by signing out, and its key goes on", async () => {
    const cookie = await signIn({ key: server.agentKey });
    expect(await (await fetch(`${server.url}/sign-out`)).text()).toContain("Sign out");
    const out = await post("/sign-out", {}, { cookie });
    expect([out.status, out.headers.get("location")]).toEqual([303, "/sign-in"]);
    expect(out.headers.get("set-cookie")).toMatch(/Max-Age=0/);
    expect((await ask({ cookie, origin: server.url })).status).toBe(401);
    expect((await server.gql("{ viewer { role } }")).errors).toBeUndefined();
    expect((await post("/sign-out", {}, { cookie })).status).toBe(303);
  });

  test("is not opened by another site's form, a wrong key, or a session's own cookie", async () => {
    const foreign = await post("/sign-in", { key: server.adminKey }, { origin: "http://localhost:1" });
    expect(foreign.status).toBe(403);
    for (const key of ["dk_wrong", "", (await signIn({ key: server.agentKey })).split("=")[1] ?? ""]) {
      const response = await post("/sign-in", { key });
      expect(response.status).toBe(401);
      expect(response.headers.get("set-cookie")).toBeNull();
    }
  });

  test("keeps its cookie to TLS where the page came over TLS", async () => {
    const { host } = new URL(server.url);
    const response = await post("/sign-in", { key: server.agentKey }, { origin: `https://${host}` });
    expect(response.headers.get("set-cookie")).toMatch(/; Secure$/);
  });
});
