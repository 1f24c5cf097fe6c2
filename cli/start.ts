import { Command } from "commander";

export const startCommand = new Command("start").description("run the server").action(async () => {
  const { main } = await import("../src/main.ts");
  await main();
});
