// Loaded into a server that is measured: only the process itself can tell its heap.
import { heldMemory, processorMs } from "./usage.ts";

process.on("message", (question) => process.send?.(question === "memory" ? heldMemory() : processorMs()));
// Without the benchmark nobody would end this server.
process.once("disconnect", () => process.exit());
