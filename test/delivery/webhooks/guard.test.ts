import { expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { startEndpoint } from "./endpoint.ts";
import { startWebhookTest } from "./webhook-test.ts";

/** What the first attempt of a webhook to each URL said. */
async function tryAll(urls: readonly string[], privateNetworks: string) {
  const t = await startWebhookTest();
  for (const url of urls) await t.create({ url });
  await t.run({ privateNetworks });
  await t.happen("A");
  return await eventually(async () => {
    const { rows } = await t.owner.query<{ url: string; status_code: number | null; error: string | null }>(
      `SELECT w.url, a.status_code, a.error FROM webhook_attempts a JOIN webhooks w USING (webhook_id) WHERE a.attempt = 1`,
    );
    expect(rows).toHaveLength(urls.length);
    return rows;
  });
}

it("refuses every address that is not public, however it is written", async () => {
  const endpoint = await startEndpoint();
  const hosts = [
    "localhost",
    "127.0.0.1",
    "127.1",
    "0x7f000001",
    "2130706433",
    "017700000001",
    "0.0.0.0",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[4000::1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fd00::1]",
    "[fe80::1]",
    "[ff02::1]",
    "169.254.169.254",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
  ];
  const rows = await tryAll(
    hosts.map((host, i) => `http://${host}:${endpoint.port}/${i}?token=secret`),
    "",
  );
  for (const { url, status_code, error } of rows) {
    expect(status_code, url).toBeNull();
    expect(error, url).toMatch(/^\S+ is not a public address, and DOCKET_WEBHOOK_PRIVATE_NETWORKS does not name it\.$/);
  }
  expect(endpoint.received).toEqual([]);
});

it("refuses private addresses over https as well", async () => {
  const endpoint = await startEndpoint();
  const rows = await tryAll(
    [`https://localhost:${endpoint.port}/`, `https://127.0.0.1:${endpoint.port}/`],
    "10.0.0.0/8",
  );
  for (const { url, error } of rows) expect(error, url).toContain("is not a public address");
});

it("reaches the private networks of the configuration, and no others", async () => {
  const [four, six] = [await startEndpoint(), await startEndpoint(undefined, "::1")];
  const named = `http://localhost:${four.port}/named`;
  const urls = [four.url, six.url, named];
  expect((await tryAll(urls, "127.0.0.0/8, ::1")).map(({ status_code }) => status_code)).toEqual([204, 204, 204]);
  expect(four.received.map(({ path }) => path).toSorted()).toEqual(["/hook", "/named"]);
  expect(six.received).toHaveLength(1);

  const rows = await tryAll([four.url, six.url], "127.0.0.2, 10.0.0.0/8");
  for (const { url, error } of rows) expect(error, url).toContain("is not a public address");
  expect(four.received).toHaveLength(2);
});

it("does not follow a redirect", async () => {
  const inside = await startEndpoint();
  const endpoint = await startEndpoint((response) => void response.writeHead(307, { location: inside.url }).end());
  expect(await tryAll([endpoint.url], "127.0.0.0/8")).toEqual([
    {
      url: endpoint.url,
      status_code: 307,
      error: "The endpoint redirects (307), and redirects are not followed. Make a webhook for its final address.",
    },
  ]);
  expect(inside.received).toEqual([]);
});

it("tells of a failed connection without the URL, which may hold a secret", async () => {
  const upgrading = await startEndpoint(
    (_response, _received, request) =>
      void request.socket.end("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n"),
  );
  const breaking = await startEndpoint((_response, _received, request) => void request.socket.resetAndDestroy());
  const urls = [
    "http://127.0.0.1:9/path-secret?token=secret",
    "http://no-such-host.invalid/path-secret?token=secret",
    `https://127.0.0.1:${breaking.port}/path-secret`,
    `${breaking.url}?token=secret`,
    `${upgrading.url}?token=secret`,
  ];
  const rows = await tryAll(urls, "127.0.0.0/8");
  for (const { url, error } of rows) {
    expect(error, url).toMatch(/\S/);
    expect(error, url).not.toContain("secret");
  }
});
