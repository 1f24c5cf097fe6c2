import { describe, expect, test } from "vitest";
import { scriptedDocket } from "../support/scripted-docket.ts";
import { connectTools } from "./connect.ts";
import { shareSessions, succeed } from "./sessions.ts";

const sessions = shareSessions();

describe("artifact IDs", () => {
  test("are reserved, confirmed in part, and taken one by one", async () => {
    await using tools = await sessions.start([]);
    const reserved = await succeed(tools, "reserve_id_range", { artifact_type: "us", count: 2 });
    expect(reserved).toMatchObject({ reserved_ids: ["US-001", "US-002"], expires_at: expect.any(String) });
    expect(reserved["next"]).toContain(`confirm_reservation until ${reserved["expires_at"]}`);
    const { reservation_id } = reserved;
    const confirmed = await succeed(tools, "confirm_reservation", { reservation_id, ids: ["US-001"] });
    expect(confirmed).toMatchObject({ reservation_id, confirmed_ids: ["US-001"], released_ids: ["US-002"] });
    const taken = await succeed(tools, "get_next_available_id", { artifact_type: "US", project_id: "None" });
    expect(taken).toMatchObject({ id: "US-002", note: expect.stringMatching(/"None" counts as left out\..*reused/) });
  });

  test("that are held for longer are told until when they can be confirmed", async () => {
    await using tools = await sessions.start([]);
    const { reservation_id } = await succeed(tools, "reserve_id_range", { artifact_type: "US", count: 1 });
    const held = await succeed(tools, "confirm_reservation", { reservation_id, extend_seconds: 3_600 });
    expect(held["next"]).toContain(`confirm_reservation until ${held["expires_at"]}`);
  });

  test("are never made up when an answer lacks one", async () => {
    const reserved = { reservedIds: ["US-001"], reservation: { reservationId: "r" }, replayed: false };
    await using docket = await scriptedDocket({ reserveIds: () => reserved });
    await using tools = await connectTools({ url: docket.url, defaultProject: "alpha" });
    const { failed, text } = await tools.call("reserve_id_range", { artifact_type: "US", count: 1 });
    expect(failed).toBe(true);
    expect(text).toContain("Docket answered without an expiry");
  });
});
