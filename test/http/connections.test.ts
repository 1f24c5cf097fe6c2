import { execFile } from "node:child_process";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";
import { openPort } from "../../src/http/port.ts";

/** A port of ten connections, which answers /held when it is told to, and everything else at once. */
async function openSmallPort() {
  const port = await openPort({ host: "127.0.0.1", port: 0 }, 10);
  const held: (() => void)[] = [];
  port.serve({
    request: (request, response) => {
      const answer = () => void response.end("answered");
      if (request.url === "/held") held.push(answer);
      else answer();
    },
    upgrade: (_request, socket) => {
      socket.resume().once("end", () => socket.destroy());
      socket.write("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    },
    connect: (_request, socket) => void socket.destroy(),
    failed: () => undefined,
  });
  onTestFinished(() => port.close());
  const { hostname, port: number } = new URL(port.url);
  const open = async () => {
    const socket = connect(Number(number), hostname);
    onTestFinished(() => void socket.destroy());
    await once(socket, "connect");
    return socket;
  };
  const ask = (path: string) =>
    new Promise<string>((resolve, reject) => {
      get(`${port.url}${path}`, { agent: false }, (response: IncomingMessage) => {
        response.setEncoding("utf8").on("data", resolve);
      }).on("error", reject);
    });
  return { open, ask, held };
}

const isClosed = (socket: Socket) => socket.destroyed || socket.readableEnded;
const closedOf = (sockets: readonly Socket[]) => sockets.filter(isClosed).length;

it("lets go of who has asked for nothing for longest, and of nobody as long as there is room", async () => {
  const { open, ask } = await openSmallPort();
  const idle: Socket[] = [];
  const openIdle = async () => {
    const socket = await open();
    socket.resume().on("error", () => undefined);
    idle.push(socket);
  };
  for (let i = 0; i < 9; i++) await openIdle();
  expect(await ask("/")).toBe("answered");
  expect(closedOf(idle)).toBe(0);
  for (let i = 0; i < 3; i++) await openIdle();
  await expect.poll(() => idle.map(isClosed)).toEqual([true, true, ...Array(10).fill(false)]);
  expect(await ask("/")).toBe("answered");
  await expect.poll(() => closedOf(idle)).toBe(3);
});

it("ends no request under way, and no WebSocket", async () => {
  const { open, ask, held } = await openSmallPort();
  const waiting = ask("/held");
  await expect.poll(() => held.length).toBe(1);
  const upgraded = await open();
  upgraded.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  expect(String((await once(upgraded, "data"))[0])).toContain("101");
  const pipelined = await open();
  pipelined.write("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /held HTTP/1.1\r\nHost: a\r\n\r\n");
  await expect.poll(() => held.length).toBe(2);
  expect(String((await once(pipelined, "data"))[0])).toContain("answered");
  for (let i = 0; i < 30; i++) (await open()).on("error", () => undefined).resume();
  expect(await ask("/")).toBe("answered");
  expect(isClosed(upgraded)).toBe(false);
  for (const answer of held) answer();
  expect(await waiting).toBe("answered");
  expect(String((await once(pipelined, "data"))[0])).toContain("answered");
  upgraded.destroy();
});

it.runIf(process.platform === "linux")("leaves descriptors for the database, however few there are", async () => {
  const url = new URL("../../src/http/most-connections.ts", import.meta.url);
  const code = `const { mostConnections } = await import(${JSON.stringify(url)}); console.log(mostConnections())`;
  const within = async (limit: number) => {
    const script = `ulimit -n ${limit} && exec "$0" --input-type=module --eval "$1"`;
    return Number((await promisify(execFile)("sh", ["-c", script, process.execPath, code])).stdout);
  };
  expect(await Promise.all([100, 400, 1_000].map(within))).toEqual([25, 144, 744]);
});
