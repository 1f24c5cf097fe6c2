import type { Figure } from "../figures.ts";
import type { Measurement } from "../measure.ts";
import { columns, table } from "../table.ts";
import type { CallCost } from "./agent.ts";
import type { TokensResult } from "./run.ts";

/** The most that a session may cost, definitions and all, as a share of the file read and rewritten in each of its cycles. */
const GOALS = [
  { tasks: 500, share: 0.04 },
  { tasks: 50, share: 0.4 },
] as const;

const WHERE_FROM = `Counted in tokens of o200k_base (gpt-tokenizer), over \`docket mcp\` and a server of this run:
- definitions: the tools of tools/list as JSON, with their output schemas, and the server's instructions; paid once a session.
- a call: {"name", "arguments"} as JSON, and the text of the answer. Clients that show a model the structured result as
  well pay for the answer twice.
- a cycle: get_next_task, renew_task_lease with a checkpoint, reserve_id_range for 3 IDs, confirm_reservation,
  update_task_status with notes; the mean of all cycles. Nobody worked on these tasks before: no briefing comes along.
- a file: a TODO.md made from the very tasks that the project holds (always the same), read once and written once in a
  cycle, without anything around it: no call, no escapes, no second look before writing.
- edited: read once a cycle, and one line replaced twice (taken, done), at the mean length of a task's entry.
- overview: who works on what, and of each project how many tasks wait and which three come next; by GraphQL the counts
  of all states and who works on what. The files are read whole.
Each token is counted once, as it enters the conversation. Random parts of IDs and times move a figure by about 1 %.`;

/** The definitions and all calls. */
const sessionCost = ({ definitions }: TokensResult, calls: readonly CallCost[], twice = false) =>
  definitions.listed + definitions.instructions + costOf(calls, twice);

/** @param twice whether the structured result is shown beside the text. */
const costOf = (calls: readonly CallCost[], twice = false) =>
  calls.reduce((sum, { request, answer, structured }) => sum + request + answer + (twice ? structured : 0), 0);

export function goals(result: TokensResult): Measurement[] {
  return GOALS.flatMap(({ tasks, share: most }) => {
    const session = result.sessions.find((one) => one.tasks === tasks);
    if (!session) return [];
    const share = sessionCost(result, session.calls) / rewritten(session.file, result.cycles);
    return [
      {
        what: `${result.cycles} cycles with Docket, of the ${tasks}-task file read and rewritten each time`,
        measured: percent(share),
        target: `≤ ${percent(most)}`,
        ok: share <= most,
      },
    ];
  });
}

/** Of a file that is read and rewritten in each cycle. */
const rewritten = (file: number, cycles: number) => 2 * file * cycles;

/** One line of a file is named as it was and as it is to be, when a task is taken and again when it is done. */
const edited = ({ file, tasks }: { file: number; tasks: number }, cycles: number) =>
  (file + (4 * file) / tasks) * cycles;

export function report(result: TokensResult): string {
  const { definitions, overview, cycles, sessions } = result;
  const largest = sessions.at(-1)?.calls ?? [];
  const tools = [...new Set(largest.map(({ tool }) => tool))];
  return [
    WHERE_FROM,
    columns([
      ["definitions", "tokens"],
      [`${definitions.tools} tools`, whole(definitions.listed)],
      ["  of these for output schemas", whole(definitions.outputSchemas)],
      ["instructions", whole(definitions.instructions)],
    ]),
    columns([
      ["one cycle", "request", "answer", "structured too"],
      ...tools.map((tool) => cells(tool, ofTool(largest, tool), cycles)),
      cells("together", largest, cycles),
    ]),
    columns([
      [`overview of ${overview.projects} projects`, "tokens"],
      [`list_tasks, ${overview.calls.length} calls`, whole(costOf(overview.calls))],
      ["one GraphQL query", whole(overview.graphql)],
      [`their files, ${whole(overview.tasks)} tasks`, whole(overview.files)],
      ...sessions
        .slice(0, 1)
        .map(({ tasks, file }) => [`files of ${tasks} tasks each`, whole(file * overview.projects)]),
    ]),
    columns([
      [`${cycles} cycles`, "file", "rewritten", "edited", "Docket", "of rewritten", "of edited", "structured too"],
      ...sessions.map((session) => {
        const cost = sessionCost(result, session.calls);
        const both = sessionCost(result, session.calls, true);
        const written = rewritten(session.file, cycles);
        const changed = edited(session, cycles);
        return [
          `${whole(session.tasks)} tasks`,
          ...[session.file, written, changed, cost].map(whole),
          ...[cost / written, cost / changed].map(percent),
          `${whole(both)}, ${percent(both / written)}`,
        ];
      }),
    ]),
    table(goals(result)),
  ].join("\n\n");
}

const ofTool = (calls: readonly CallCost[], name: string) => calls.filter(({ tool }) => tool === name);

function cells(what: string, calls: readonly CallCost[], cycles: number): string[] {
  const mean = (part: "request" | "answer" | "structured") =>
    whole(calls.reduce((sum, call) => sum + call[part], 0) / cycles);
  return [what, mean("request"), mean("answer"), mean("structured")];
}

export const figuresOf = (result: TokensResult): Figure[] =>
  [
    ["definitions", result.definitions.listed + result.definitions.instructions] as const,
    ["overview by list_tasks", costOf(result.overview.calls)] as const,
    ["overview by GraphQL", result.overview.graphql] as const,
    ...result.sessions.map(
      ({ tasks, calls }) => [`cycle beside ${tasks} tasks`, costOf(calls) / result.cycles] as const,
    ),
  ].map(([what, value]) => ({ name: `tokens: ${what}`, value, unit: "tokens", better: "less" }));

const whole = (value: number) => Math.round(value).toLocaleString("en");
const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
