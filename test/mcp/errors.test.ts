import { GraphQLError } from "graphql";
import { describe, expect, test } from "vitest";
import { hang, scriptedDocket, status } from "../support/scripted-docket.ts";
import { connectTools } from "./connect.ts";

/** A Docket whose every task mutation fails with one code. */
function failing(code: string, message: string) {
  const fail = () => {
    throw new GraphQLError(message, { extensions: { code, retryable: false } });
  };
  return scriptedDocket({ updateTaskStatus: fail, claimNextTask: fail, confirmReservation: fail, nextTask: fail });
}

const complete = { task_id: "TASK-999", status: "completed" };

describe("the text of an error", () => {
  test.each([
    [
      "TASK_NOT_FOUND",
      "Task TASK-999 not found",
      /^Task not found: TASK-999\. Check task_id and project_id, or call list_tasks/,
    ],
    ["PROJECT_NOT_FOUND", "Project x not found", /^Project x not found\. Check project_id/],
    [
      "AMBIGUOUS_TASK_ID",
      "TASK-999 is in alpha and beta",
      /^TASK-999 is in alpha and beta\. Repeat the call with project_id\.$/,
    ],
    [
      "INVALID_STATUS_TRANSITION",
      "Invalid status transition: completed → pending",
      /^Invalid .* Legal: pending → in_progress → completed/,
    ],
    ["LEASE_LOST", "Lease lost: agent-2 holds TASK-999 since 10:00", /agent-2 holds TASK-999.* call get_next_task/],
    ["FORBIDDEN", "This key may only read", /^This key may only read\. This API key may not do that/],
    ["UNAUTHENTICATED", "no", /^Docket API error: 401 - Unauthorized\. .*DOCKET_API_KEY/],
    ["SOMETHING_NEW", "New kind of error", /^New kind of error$/],
  ])("says for %s what was wrong and what to do", async (code, message, expected) => {
    await using docket = await failing(code, message);
    await using tools = await connectTools(docket);
    const { failed, text } = await tools.call("update_task_status", complete);
    expect(failed).toBe(true);
    expect(text).toMatch(expected);
    expect(text).not.toMatch(/delete|drop|force/i);
  });

  test("sends an expired reservation to a new one", async () => {
    await using docket = await failing("RESERVATION_EXPIRED", "Reservation expired or not found");
    await using tools = await connectTools(docket);
    const { text } = await tools.call("confirm_reservation", { reservation_id: "r1" });
    expect(text).toMatch(/^Reservation expired or not found\. .*reserve_id_range/);
  });

  test("says how to start a server that is not there", async () => {
    const docket = await scriptedDocket();
    await docket[Symbol.asyncDispose]();
    await using tools = await connectTools(docket);
    const { text } = await tools.call("update_task_status", complete);
    expect(text).toBe(
      `Docket unavailable: Connection refused at ${docket.url}. Start it with \`npm start\` in Docket's folder, or set DOCKET_URL to where it runs.`,
    );
  });

  test("says after how long it gave up, and that repeating is safe", async () => {
    await using docket = await scriptedDocket({}, [hang]);
    await using tools = await connectTools({ url: docket.url, timeoutMs: 50 });
    const { text } = await tools.call("update_task_status", complete);
    expect(text).toMatch(/^Docket timeout: No response within 0\.05 seconds\. Repeating the same call is safe/);
  });

  test("names the status of a refused key", async () => {
    await using docket = await scriptedDocket({}, [status(401)]);
    await using tools = await connectTools(docket);
    const { text } = await tools.call("update_task_status", complete);
    expect(text).toMatch(/^Docket API error: 401 - Unauthorized\. The API key is/);
  });
});

describe("a wrong call", () => {
  test.each([
    ["get_next_task", {}, /^No project: pass project_id .* DOCKET_PROJECT/],
    [
      "get_next_task",
      { project: "a" },
      /^Invalid arguments for get_next_task: unknown argument project\. It takes project_id, status_filter/,
    ],
    ["update_task_status", { task_id: "TASK-1", status: "done" }, /status: .*"pending"\|"in_progress"\|"completed"/],
    ["update_task_status", { ...complete, notes: "a", completion_notes: "b" }, /not both/],
    ["add_task", { tasks: [{ description: "x", colour: "red" }] }, /unknown argument colour in tasks\[0\]/],
    ["add_task", { tasks: [{ description: "x" }] }, /^No project: pass project_id/],
    ["reserve_id_range", { artifact_type: "US", count: 101 }, /count: .*100/],
    ["list_tasks", { limit: 500 }, /limit: .*100/],
    ["list_tasks", { project_id: "a", all_projects: true }, /not both/],
  ])("to %s with %o is refused before anything is sent", async (name, args, expected) => {
    await using docket = await scriptedDocket();
    await using tools = await connectTools(docket);
    const { failed, text } = await tools.call(name, args);
    expect(failed).toBe(true);
    expect(text).toMatch(expected);
    expect(docket.seen).toEqual([]);
  });

  test("to a tool that does not exist names those that do", async () => {
    await using tools = await connectTools({ url: "http://127.0.0.1:9" });
    await expect(tools.call("take_task")).rejects.toThrow(/Unknown tool: take_task. Tools: get_next_task/);
  });
});
