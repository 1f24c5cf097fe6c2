import { Command } from "commander";
import packageJson from "../package.json" with { type: "json" };
import type { Shell } from "./shell/shell.ts";

type Loader = (shell: Shell) => Promise<Command>;

/** The commands as the help groups them; each is loaded when it is called, so that one does not wait for the others. */
const GROUPS: Readonly<Record<string, Readonly<Record<string, Loader>>>> = {
  "Look:": {
    status: async (shell) => (await import("./status.ts")).statusCommand(shell),
    tasks: async (shell) => (await import("./tasks.ts")).tasksCommand(shell),
    show: async (shell) => (await import("./show.ts")).showCommand(shell),
    deps: async (shell) => (await import("./deps.ts")).depsCommand(shell),
    events: async (shell) => (await import("./events.ts")).eventsCommand(shell),
  },
  "Work:": {
    next: async (shell) => (await import("./next.ts")).nextCommand(shell),
    claim: async (shell) => (await import("./claim.ts")).claimCommand(shell),
    work: async (shell) => (await import("./work.ts")).workCommand(shell),
    renew: async (shell) => (await import("./renew.ts")).renewCommand(shell),
    done: async (shell) => (await import("./done.ts")).doneCommand(shell),
    release: async (shell) => (await import("./release.ts")).releaseCommand(shell),
  },
  "Plan:": {
    add: async (shell) => (await import("./add.ts")).addCommand(shell),
    plan: async (shell) => (await import("./plan.ts")).planCommand(shell),
  },
  "Artifact IDs:": {
    reserve: async (shell) => (await import("./reserve.ts")).reserveCommand(shell),
    confirm: async (shell) => (await import("./confirm.ts")).confirmCommand(shell),
    ids: async (shell) => (await import("./ids.ts")).idsCommand(shell),
  },
  "Sign in:": {
    login: async (shell) => (await import("./login.ts")).loginCommand(shell),
    logout: async (shell) => (await import("./login.ts")).logoutCommand(shell),
    whoami: async (shell) => (await import("./whoami.ts")).whoamiCommand(shell),
    keys: async (shell) => (await import("./keys.ts")).keysCommand(shell),
  },
  "Run a server:": {
    start: async () => (await import("./start.ts")).startCommand,
    migrate: async () => (await import("./migrate.ts")).migrateCommand,
    backup: async () => (await import("./backup.ts")).backupCommand,
    restore: async () => (await import("./backup.ts")).restoreCommand,
    archive: async () => (await import("./archive.ts")).archiveCommand,
    audit: async () => (await import("./audit.ts")).auditCommand,
    documents: async (shell) => (await import("./documents.ts")).documentsCommand(shell),
    projects: async (shell) => (await import("./projects.ts")).projectsCommand(shell),
    demo: async () => (await import("./demo.ts")).demoCommand,
  },
  "Connect:": {
    mcp: async () => (await import("./mcp.ts")).mcpCommand,
    completion: async (shell) => (await import("./completion.ts")).completionCommand(shell, () => makeProgram(shell)),
  },
};

const ALIASES: Readonly<Record<string, string>> = { "tracking-status": "status" };

/** The program with the command of that name; with all of them where there is none, as its help needs them. */
export async function makeProgram(shell: Shell, name?: string): Promise<Command> {
  const program = new Command("docket").description(packageJson.description).version(packageJson.version);
  const called = name === undefined ? undefined : (ALIASES[name] ?? name);
  const groups = Object.entries(GROUPS);
  const known = groups.some(([, commands]) => called !== undefined && Object.hasOwn(commands, called));
  for (const [heading, commands] of groups)
    for (const [its, make] of Object.entries(commands))
      if (!known || its === called) program.addCommand((await make(shell)).helpGroup(heading));
  return program;
}
