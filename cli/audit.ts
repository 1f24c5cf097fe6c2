import { Command } from "commander";

const verifyCommand = new Command("verify")
  .description("walk through the event log and say the first row that was changed, removed or put in by hand")
  .option("--project <id>", "look at the events of one project only")
  .option("--against <file>", "also look for the heads that `docket audit head` printed into this file")
  .option("--public-key <file>", "check the signature of that file with this Ed25519 key (PEM)")
  .option("--json", "print the result for a program")
  .action(async (options: { project?: string; against?: string; publicKey?: string; json?: boolean }) => {
    if (options.publicKey !== undefined && options.against === undefined)
      verifyCommand.error("error: --public-key needs --against, the file whose signature it checks");
    const { auditVerify } = await import("../src/commands/audit.ts");
    await auditVerify(options);
  });

const headCommand = new Command("head")
  .description(
    "print where the chain of each project ends, as JSON, to be kept where the database's administrators cannot write",
  )
  .option("--sign <file>", "sign it with this Ed25519 private key (PEM)")
  .action(async (options: { sign?: string }) => {
    const { auditHead } = await import("../src/commands/audit.ts");
    await auditHead(options);
  });

export const auditCommand = new Command("audit")
  .description("prove that nobody has tampered with the event log")
  .addCommand(verifyCommand)
  .addCommand(headCommand)
  .addHelpText(
    "after",
    "\nExamples:\n  docket audit head --sign key.pem > heads.json\n  docket audit verify --against heads.json --public-key public.pem",
  );
