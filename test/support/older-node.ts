import { spawnSync } from "node:child_process";
import { delimiter, join } from "node:path";

/** A Node below 24 among those of this machine. */
export function findOlderNode(): string | undefined {
  const candidates = (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, "node"));
  return candidates.find((node) => {
    const { stdout } = spawnSync(node, ["--version"], { encoding: "utf8" });
    return typeof stdout === "string" && stdout !== "" && Number.parseInt(stdout.slice(1), 10) < 24;
  });
}
