import { afterAll, beforeAll, expect, it } from "vitest";
import { idsFrom } from "../ids/projects.ts";
import { connectTools } from "../mcp/connect.ts";
import { makeProject, shareServer } from "../support/server.ts";

const shared = shareServer();
let tools: Awaited<ReturnType<typeof connectTools>>;
beforeAll(async () => {
  tools = await connectTools({ ...shared.server, holds: true });
});
afterAll(() => tools[Symbol.asyncDispose]());

const agent = {
  async call(tool: string, args: Record<string, unknown>) {
    const { data, ...answer } = await tools.call(tool, args);
    return { ...answer, data: data as Record<string, unknown> };
  },
};

/** A project that only one test uses, and the calls of an agent and of an admin in it. */
async function start() {
  const server = await makeProject(shared.server, []);
  const call: typeof agent.call = (tool, args) => agent.call(tool, { project_id: server.projectId, ...args });
  const asAdmin = <Data>(mutation: string) =>
    server.ask<Data>(`mutation { ${mutation} }`, {}, { key: server.adminKey });
  return { server, project: `projectId: "${server.projectId}"`, call, asAdmin };
}

it("lets no agent end a sequence, in GraphQL or through a tool, and an admin take a slip back", async () => {
  const { server, project, call, asAdmin } = await start();
  const refused = [
    `registerIds(input: {${project}, ids: ["US-2147483647"]}) { registered }`,
    `addTasks(input: {${project}, tasks: [{taskId: "TASK-20261125", description: "x"}]}) { taskIds }`,
  ];
  for (const mutation of refused)
    expect((await server.gql(`mutation { ${mutation} }`)).errors).toMatchObject([
      { message: expect.stringContaining("allowJump: true"), extensions: { code: "BAD_USER_INPUT", highest: null } },
    ]);
  const added = await call("add_task", { tasks: [{ task_id: "TASK-20261125", description: "x" }] });
  expect(added).toMatchObject({ failed: true, text: expect.stringMatching(/TASK-20261125 lies .* above.*slip/s) });

  await asAdmin(`registerIds(input: {${project}, ids: ["US-2147483647"], allowJump: true}) { registered }`);
  const spoilt = await call("get_next_available_id", { artifact_type: "US" });
  expect(spoilt).toMatchObject({ failed: true, text: expect.stringContaining("No US numbers are left") });
  const slip = `${project}, artifactType: "US", ids: ["US-2147483647"], reason: "typing error"`;
  expect(await asAdmin(`voidIds(input: {${slip}}) { voided lastAssigned replayed }`)).toEqual({
    voidIds: { voided: ["US-2147483647"], lastAssigned: null, replayed: false },
  });
  expect((await call("get_next_available_id", { artifact_type: "US" })).data).toEqual({ id: "US-001" });
  expect(await server.ask(`{ project(${project}) { idJumpLimit } }`)).toEqual({ project: { idJumpLimit: 10_000 } });
});

it("keeps a reservation alive through the tools for as long as the work takes", async () => {
  const { call } = await start();
  const held = await call("reserve_id_range", { artifact_type: "US", count: 2, ttl_seconds: 60 });
  const { reservation_id } = held.data;
  const until = (expires_at: unknown) => Date.parse(String(expires_at));
  const extended = await agent.call("confirm_reservation", { reservation_id, extend_seconds: 3600 });
  expect(extended.data).toEqual({
    reservation_id,
    expires_at: expect.any(String),
    next: expect.stringContaining("confirm_reservation until"),
  });
  expect(until(extended.data["expires_at"]) - until(held.data["expires_at"])).toBeGreaterThan(3500_000);
  const both = await agent.call("confirm_reservation", { reservation_id, extend_seconds: 60, ids: ["US-001"] });
  expect(both).toMatchObject({ failed: true, text: expect.stringContaining("not both") });
  await shared.owner.pass(3000);
  expect((await call("get_next_available_id", { artifact_type: "US" })).data["id"]).toBe("US-003");
  const confirmed = { reservation_id, confirmed_ids: ["US-001", "US-002"] };
  expect((await agent.call("confirm_reservation", { reservation_id })).data).toEqual(confirmed);
  const again = await agent.call("confirm_reservation", { reservation_id, extend_seconds: 3600 });
  expect(again.data).toEqual(confirmed);
});

it("confirms late, through the tool and in GraphQL, what nobody was given since", async () => {
  const { server, project, call, asAdmin } = await start();
  const reserve = async () =>
    (await call("reserve_id_range", { artifact_type: "US", count: 3, ttl_seconds: 60 })).data["reservation_id"];
  const [byTool, byGraphQL, lost] = [await reserve(), await reserve(), await reserve()];
  await shared.owner.pass(61);
  const tooLate = await agent.call("confirm_reservation", { reservation_id: byTool, extend_seconds: 60 });
  expect(tooLate).toMatchObject({ failed: true, text: expect.stringContaining("without extend_seconds") });
  // All three go back to the pool.
  await asAdmin(`registerIds(input: {${project}, ids: ["US-010"]}) { registered }`);
  const confirmed = await agent.call("confirm_reservation", { reservation_id: byTool });
  expect(confirmed.data).toEqual({ reservation_id: byTool, confirmed_ids: idsFrom("US", 1, 3) });
  const confirm = (id: unknown) =>
    server.gql(
      "mutation ($id: ID!) { confirmReservation(input: {reservationId: $id}) { reservation { status ids } } }",
      {
        id,
      },
    );
  expect((await confirm(byGraphQL)).data).toEqual({
    confirmReservation: { reservation: { status: "CONFIRMED", ids: idsFrom("US", 4, 6) } },
  });
  const reused = await call("get_next_available_id", { artifact_type: "US" });
  expect(reused.data).toEqual({
    id: "US-007",
    last_assigned: "US-010",
    note: expect.stringMatching(/US-007 .*came back and is reused/),
  });
  expect((await confirm(lost)).errors?.[0]?.extensions["code"]).toBe("RESERVATION_EXPIRED");
  expect(await agent.call("confirm_reservation", { reservation_id: lost })).toMatchObject({ failed: true });
});

it("says in GraphQL whether a number was reused", async () => {
  const { server, project } = await start();
  const next = async () =>
    (
      await server.ask<{ takeId: object }>(
        `mutation { takeId(input: {${project}, artifactType: "US"}) { id lastAssigned reused } }`,
      )
    ).takeId;
  expect(await next()).toEqual({ id: "US-001", lastAssigned: null, reused: false });
  const { reserveIds } = await server.ask<{ reserveIds: { reservation: { reservationId: string } } }>(
    `mutation { reserveIds(input: {${project}, artifactType: "US"}) { reservation { reservationId } } }`,
  );
  await server.ask("mutation ($id: ID!) { releaseReservation(input: {reservationId: $id}) { released } }", {
    id: reserveIds.reservation.reservationId,
  });
  expect(await next()).toEqual({ id: "US-002", lastAssigned: "US-002", reused: true });
  expect(await next()).toEqual({ id: "US-003", lastAssigned: "US-002", reused: false });
});
