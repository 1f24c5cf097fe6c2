import { Command } from "commander";
import { print, tell } from "../tell.ts";
import { wrongKeys } from "./run.ts";

export const wrongKeysCommand = new Command("wrong-keys")
  .description("what claims take while one address sends 2,000 wrong keys a second")
  .action(async () => {
    tell(await wrongKeys({ print }));
  });
