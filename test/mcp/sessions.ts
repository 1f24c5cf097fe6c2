import { expect } from "vitest";
import { shareServer, type TestServer } from "../support/server.ts";
import { connectTools } from "./connect.ts";

export type Tools = Awaited<ReturnType<typeof connectTools>>;

/** The attempt of a task, as tools show it. */
export const ATTEMPT = expect.stringMatching(/^\d+-/);

export async function succeed(tools: Tools, name: string, args: Record<string, unknown> = {}) {
  const { failed, text, data } = await tools.call(name, args);
  expect(failed && text).toBe(false);
  expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(data)));
  return data as Record<string, unknown>;
}

/** Sessions with the server that all tests of a file share. */
export function shareSessions() {
  const shared: { readonly server: TestServer } = shareServer();
  const sessions = {
    get server() {
      return shared.server;
    },
    /** Projects made so far; the latest is `project-<projects>`. */
    projects: 0,
    /** A session of its own in a new project with these tasks. */
    async start(tasks: object[] = [{ description: "Generate HLS-007", inputs: ["PRD-006"] }]): Promise<Tools> {
      const defaultProject = `project-${++sessions.projects}`;
      const tools = await connectTools({ ...shared.server, defaultProject, holds: true });
      if (tasks.length > 0) await succeed(tools, "add_task", { tasks });
      return tools;
    },
  };
  return sessions;
}

/** A task as a scripted server answers it. */
export const task = {
  taskId: "TASK-046",
  projectId: "alpha",
  status: "IN_PROGRESS",
  description: "Generate HLS-007",
  inputs: [],
  expectedOutputs: [],
  labels: [],
  metadata: {},
  priority: 2,
  project: { leaseSeconds: 3600 },
};
