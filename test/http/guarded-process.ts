import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { Readable } from "node:stream";
import { background } from "../../src/db/requester.ts";
import { guardProcess } from "../../src/http/last-guard.ts";
import { createLogger } from "../../src/http/logger.ts";
import { inScope, openScope } from "../../src/http/request-scope.ts";

// A guarded server whose every path has a fault of its own that nobody handles.
const FAULTS: Readonly<Record<string, () => void>> = {
  "/timer": () =>
    void setTimeout(() => {
      throw new Error("fault of a timer");
    }),
  "/promise": () => void Promise.reject(new Error("fault of a promise")),
  "/stream": () => void Readable.from(["x"]).destroy(new Error("fault of a stream")),
};

const asJob = background("job");

guardProcess(createLogger({ level: "info" }));
const outside = () => {
  throw new Error("fault of nobody's");
};
/** As a socket does that has left HTTP behind and has no listener. */
const socketThatBreaks = (socket: Socket) =>
  socket.removeAllListeners("error").destroy(Object.assign(new Error("fault of a socket"), { code: "ECONNRESET" }));
const server = createServer((request, response) => {
  const scope = openScope(() => request.socket.destroy(), "r1");
  if (request.url === "/outside") setTimeout(outside);
  else if (request.url === "/broken") socketThatBreaks(request.socket);
  else if (request.url === "/background") inScope(scope, () => asJob(() => void setTimeout(outside)));
  else if (request.url === "/") response.end("well");
  else inScope(scope, () => FAULTS[request.url ?? ""]?.());
});
server.listen(0, "127.0.0.1", () => console.log(`port ${(server.address() as AddressInfo).port}`));
