import { expect, it } from "vitest";
import { idsFrom } from "../ids/projects.ts";
import { startMcpAgent } from "../support/mcp-client.ts";
import { connectOwner } from "../support/owner.ts";
import { startTestServer } from "../support/server.ts";

/** A server, and an agent that talks to it through the MCP tools. */
async function startWithAgent() {
  const server = await startTestServer();
  const agent = await startMcpAgent({ url: server.url, key: server.agentKey, project: "alpha" });
  const asAdmin = <Answer>(mutation: string) =>
    server.ask<Answer>(`mutation { ${mutation} }`, {}, { key: server.adminKey });
  await asAdmin('createProject(input: {projectId: "alpha", name: "Alpha"}) { replayed }');
  return { server, agent, asAdmin };
}

it("lets no agent end a sequence, in GraphQL or through a tool, and an admin take a slip back", async () => {
  const { server, agent, asAdmin } = await startWithAgent();
  const refused = [
    'registerIds(input: {projectId: "alpha", ids: ["US-2147483647"]}) { registered }',
    'addTasks(input: {projectId: "alpha", tasks: [{taskId: "TASK-20261125", description: "x"}]}) { taskIds }',
  ];
  for (const mutation of refused)
    expect((await server.gql(`mutation { ${mutation} }`)).errors).toMatchObject([
      { message: expect.stringContaining("allowJump: true"), extensions: { code: "BAD_USER_INPUT", highest: null } },
    ]);
  const added = await agent.call("add_task", { tasks: [{ task_id: "TASK-20261125", description: "x" }] });
  expect(added).toMatchObject({ failed: true, text: expect.stringMatching(/TASK-20261125 lies .* above.*slip/s) });

  await asAdmin('registerIds(input: {projectId: "alpha", ids: ["US-2147483647"], allowJump: true}) { registered }');
  const spoilt = await agent.call("get_next_available_id", { artifact_type: "US" });
  expect(spoilt).toMatchObject({ failed: true, text: expect.stringContaining("No US numbers are left") });
  const slip = 'projectId: "alpha", artifactType: "US", ids: ["US-2147483647"], reason: "typing error"';
  expect(await asAdmin(`voidIds(input: {${slip}}) { voided lastAssigned replayed }`)).toEqual({
    voidIds: { voided: ["US-2147483647"], lastAssigned: null, replayed: false },
  });
  expect((await agent.call("get_next_available_id", { artifact_type: "US" })).data).toEqual({ id: "US-001" });
  const { project } = await server.ask<{ project: { idJumpLimit: number } }>(
    '{ project(projectId: "alpha") { idJumpLimit } }',
  );
  expect(project.idJumpLimit).toBe(10_000);
});

it("keeps a reservation alive through the tools for as long as the work takes", async () => {
  const { server, agent } = await startWithAgent();
  const owner = await connectOwner(server.test);
  const held = await agent.call("reserve_id_range", { artifact_type: "US", count: 2, ttl_seconds: 60 });
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
  await owner.pass(3000);
  expect((await agent.call("get_next_available_id", { artifact_type: "US" })).data["id"]).toBe("US-003");
  const confirmed = { reservation_id, confirmed_ids: ["US-001", "US-002"] };
  expect((await agent.call("confirm_reservation", { reservation_id })).data).toEqual(confirmed);
  const again = await agent.call("confirm_reservation", { reservation_id, extend_seconds: 3600 });
  expect(again.data).toEqual(confirmed);
});

it("confirms late, through the tool and in GraphQL, what nobody was given since", async () => {
  const { server, agent, asAdmin } = await startWithAgent();
  const owner = await connectOwner(server.test);
  const reserve = async () =>
    (await agent.call("reserve_id_range", { artifact_type: "US", count: 3, ttl_seconds: 60 })).data["reservation_id"];
  const [byTool, byGraphQL, lost] = [await reserve(), await reserve(), await reserve()];
  await owner.pass(61);
  const tooLate = await agent.call("confirm_reservation", { reservation_id: byTool, extend_seconds: 60 });
  expect(tooLate).toMatchObject({ failed: true, text: expect.stringContaining("without extend_seconds") });
  // All three go back to the pool.
  await asAdmin('registerIds(input: {projectId: "alpha", ids: ["US-010"]}) { registered }');
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
  const reused = await agent.call("get_next_available_id", { artifact_type: "US" });
  expect(reused.data).toEqual({
    id: "US-007",
    last_assigned: "US-010",
    note: expect.stringMatching(/US-007 .*came back and is reused/),
  });
  expect((await confirm(lost)).errors?.[0]?.extensions["code"]).toBe("RESERVATION_EXPIRED");
  expect(await agent.call("confirm_reservation", { reservation_id: lost })).toMatchObject({ failed: true });
});

it("says in GraphQL whether a number was reused", async () => {
  const { server } = await startWithAgent();
  const next = async () =>
    (
      await server.ask<{ nextId: object }>(
        'mutation { nextId(input: {projectId: "alpha", artifactType: "US"}) { id lastAssigned reused } }',
      )
    ).nextId;
  expect(await next()).toEqual({ id: "US-001", lastAssigned: null, reused: false });
  const { reserveIds } = await server.ask<{ reserveIds: { reservation: { reservationId: string } } }>(
    'mutation { reserveIds(input: {projectId: "alpha", artifactType: "US"}) { reservation { reservationId } } }',
  );
  await server.ask("mutation ($id: ID!) { releaseReservation(input: {reservationId: $id}) { released } }", {
    id: reserveIds.reservation.reservationId,
  });
  expect(await next()).toEqual({ id: "US-002", lastAssigned: "US-002", reused: true });
  expect(await next()).toEqual({ id: "US-003", lastAssigned: "US-002", reused: false });
});
