import { Command } from "commander";

export const startCommand = new Command("start").description("run the server").action(async () => {
  const { start } = await import("../src/commands/start.ts");
  await start();
});
