import { type Command, CommanderError } from "commander";
import { makeProgram } from "./program.ts";
import { EXIT, exitCodeOf, faultForPeople, faultForPrograms, NothingToDo } from "./shell/exit.ts";
import type { Shell } from "./shell/shell.ts";

/** Runs a command line, without the name of the program, and returns the exit code. */
export async function main(args: readonly string[], shell: Shell): Promise<number> {
  const program = await makeProgram(shell, args[0]);
  adopt(program, shell);
  try {
    await program.parseAsync(args, { from: "user" });
    return EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    // What was printed already needs no other word.
    const told = error instanceof NothingToDo && error.message === "";
    const message = args.includes("--json") ? JSON.stringify(faultForPrograms(error)) : faultForPeople(error);
    if (!told) shell.err(`${message.trimEnd()}\n`);
    return exitCodeOf(error);
  }
}

/** Makes a command and those within it write to this shell, and throw where they would end the process. */
function adopt(command: Command, shell: Shell, path = command.name()): void {
  command
    .exitOverride()
    // Names alone, so that what they do fits beside them.
    .configureHelp({ subcommandTerm: (inner) => inner.name() })
    .configureOutput({
      writeOut: shell.out,
      writeErr: shell.err,
      getOutHelpWidth: () => shell.columns,
      getErrHelpWidth: () => shell.columns,
      getOutHasColors: () => shell.colours,
      getErrHasColors: () => false,
    })
    .showHelpAfterError(`(${path} --help says how)`);
  for (const inner of command.commands) adopt(inner, shell, `${path} ${inner.name()}`);
}
