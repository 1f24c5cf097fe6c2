import { Argument, Command } from "commander";
import type { Shell } from "./shell/shell.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

/** What may follow after the words of a command: the commands within it, and its options. */
interface Choices {
  /** Like `audit verify`; empty for the program itself. */
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly description: string }[];
}

/** @param program makes the whole program, whose definitions the script is made from */
export const completionCommand = (shell: Shell, program: () => Promise<Command>): Command =>
  new Command("completion")
    .description("print a script that completes commands and options on the Tab key")
    .addArgument(new Argument("<shell>", "the shell it is for").choices(SHELLS))
    .addHelpText(
      "after",
      `
Examples:
  docket completion bash > ~/.local/share/bash-completion/completions/docket
  docket completion zsh > "\${fpath[1]}/_docket"
  docket completion fish > ~/.config/fish/completions/docket.fish`,
    )
    .action(async (kind: (typeof SHELLS)[number]) => {
      const choices = choicesOf(await program(), "");
      shell.out({ bash: forBash, zsh: forZsh, fish: forFish }[kind](choices));
    });

function choicesOf(command: Command, path: string): Choices[] {
  const help = command.createHelp();
  const inner = help.visibleCommands(command).filter((one) => one.name() !== "help");
  const options = help.visibleOptions(command).map(({ long, description }) => ({ word: long ?? "", description }));
  const names = inner.flatMap((one) =>
    [one.name(), ...one.aliases()].map((word) => ({ word, description: one.description() })),
  );
  // Those of an argument that is one of a few words, as of this very command.
  const values = command.registeredArguments.flatMap(({ argChoices = [], description }) =>
    argChoices.map((word) => ({ word, description })),
  );
  const words = [...names, ...values, ...options].filter(({ word }) => word !== "");
  const deeper = inner.flatMap((one) =>
    [one.name(), ...one.aliases()].flatMap((name) => choicesOf(one, path === "" ? name : `${path} ${name}`)),
  );
  return [{ path, words }, ...deeper];
}

/** The longest path that the words before the cursor begin with. */
const PLACE = `  local at="" word
  for word in "\${before[@]}"; do
    [[ $word == -* ]] && continue
    case " \${places[*]} " in
      *" \${at:+$at/}$word "*) at="\${at:+$at/}$word" ;;
      *) break ;;
    esac
  done
`;

const keyOf = (path: string) => path.replaceAll(" ", "/");

const pathsOf = (choices: readonly Choices[]) =>
  choices
    .filter(({ path }) => path !== "")
    .map(({ path }) => keyOf(path))
    .join(" ");

function forBash(choices: readonly Choices[]): string {
  const cases = choices
    .map(({ path, words }) => `    "${keyOf(path)}") words="${words.map(({ word }) => word).join(" ")}" ;;\n`)
    .join("");
  return `# bash completion of docket
_docket() {
  local places=(${pathsOf(choices)})
  local before=("\${COMP_WORDS[@]:1:COMP_CWORD-1}")
${PLACE}  local words=""
  case "$at" in
${cases}  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
  # Where no option is begun, a file may be meant.
  [[ \${#COMPREPLY[@]} -gt 0 ]] || compopt -o default 2> /dev/null
}
complete -F _docket docket
`;
}

function forZsh(choices: readonly Choices[]): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const cases = choices
    .map(({ path, words }) => {
      const described = words.map(({ word, description }) => quoted(`${word.replaceAll(":", "\\:")}:${description}`));
      return `    "${keyOf(path)}") choices=(${described.join(" ")}) ;;\n`;
    })
    .join("");
  return `#compdef docket
_docket() {
  local -a places before choices
  places=(${pathsOf(choices)})
  before=("\${(@)words[2,CURRENT-1]}")
${PLACE}  case "$at" in
${cases}  esac
  _describe 'docket' choices || _files
}
compdef _docket docket
`;
}

function forFish(choices: readonly Choices[]): string {
  const quoted = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const lines = choices.flatMap(({ path, words }) => {
    const names = path === "" ? [] : path.split(" ");
    const inner = words.filter(({ word }) => !word.startsWith("-")).map(({ word }) => word);
    const seen = names.map((name) => `__fish_seen_subcommand_from ${name}`);
    const notYet = inner.length > 0 ? [`not __fish_seen_subcommand_from ${inner.join(" ")}`] : [];
    const condition = quoted([...seen, ...notYet].join("; and ") || "true");
    return words.map(({ word, description }) =>
      word.startsWith("--")
        ? `complete -c docket -n ${condition} -l ${word.slice(2)} -d ${quoted(description)}`
        : `complete -c docket -n ${condition} -a ${word} -d ${quoted(description)}`,
    );
  });
  return `# fish completion of docket\n${lines.join("\n")}\n`;
}
