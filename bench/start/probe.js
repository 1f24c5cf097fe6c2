// Loaded into a server that is measured. Node itself tells which modules are loaded and which programs end, so the server
// needs no marks for it. Plain JavaScript: stripping types would cost a part of the start.
import { subscribe, tracingChannel } from "node:diagnostics_channel";

/** Of the clock that all processes of the machine share, in milliseconds. */
const moments = {};
const note = (moment) => {
  moments[moment] ??= performance.timeOrigin + performance.now();
};

/** As a source, and as a part of the package. */
const COMMAND = /\bcommands[/-]start\b/;
const SERVER = /\/(?:src-)?server\b/;

tracingChannel("module.import").subscribe({
  start({ url }) {
    if (SERVER.test(url)) note("migrated");
  },
  asyncEnd({ url }) {
    if (COMMAND.test(url)) note("begun");
    if (SERVER.test(url)) note("loaded");
  },
});
subscribe("child_process", ({ process: program }) =>
  program.once("exit", () => {
    if (program.spawnfile.includes("pg_ctl")) note("postgres");
  }),
);

process.on("message", async (question) => {
  if (question === "start") {
    const { user, system } = process.cpuUsage();
    return process.send?.({ moments, processorMs: (user + system) / 1000 });
  }
  const { heldMemory } = await import("../delivery/usage.ts");
  process.send?.(heldMemory());
});
// Without the benchmark nobody would end this server.
process.once("disconnect", () => process.exit());
