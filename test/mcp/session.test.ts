import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { NoAnswerError, ServerError } from "../../client/faults.ts";
import type { GraphQLRequest } from "../../client/request.ts";
import { LeaseSession } from "../../mcp/session.ts";

const task = { projectId: "alpha", taskId: "TASK-001", attempt: "1-9f86d081884c", leaseSeconds: 30 };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A session whose renewals meet the given faults, in order, and else succeed. */
function session(...faults: Error[]) {
  const renewals: unknown[] = [];
  const failures: { lost: boolean }[] = [];
  const request = async (_document: unknown, variables: unknown) => {
    renewals.push(variables);
    const fault = faults.shift();
    if (fault !== undefined) throw fault;
    return {};
  };
  const leases = new LeaseSession(request as unknown as GraphQLRequest, {
    idleMs: 7_200_000,
    renewalFailed: (_task, _error, lost) => failures.push({ lost }),
  });
  return { leases, renewals, failures };
}

describe("a session", () => {
  test("renews what it holds every third of the lease, under its attempt", async () => {
    const { leases, renewals } = session();
    leases.hold(task);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(renewals).toEqual([10, 20, 30].map((idleSeconds) => ({ input: { ...task, idleSeconds } })));
  });

  test("renews only the newest attempt at a task, and nothing after it was dropped", async () => {
    const { leases, renewals } = session();
    leases.hold(task);
    leases.hold({ ...task, attempt: "2-9f86d081884c" });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(renewals).toEqual([{ input: { ...task, attempt: "2-9f86d081884c", idleSeconds: 10 } }]);
    leases.drop("alpha", "TASK-001");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(renewals).toHaveLength(1);
    expect(leases.find("TASK-001", undefined, undefined)).toBeUndefined();
  });

  test("goes on renewing when the server was only away", async () => {
    const { leases, renewals, failures } = session(new NoAnswerError("refused", "away"));
    leases.hold(task);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(renewals).toHaveLength(2);
    expect(failures).toEqual([{ lost: false }]);
  });

  test("stops renewing a lost lease, but still knows its attempt to fence a late answer", async () => {
    const { leases, renewals, failures } = session(new ServerError("LEASE_LOST", "lost"));
    leases.hold(task);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(renewals).toHaveLength(1);
    expect(failures).toEqual([{ lost: true }]);
    expect(leases.find("TASK-001", "alpha", undefined)).toEqual(task);
  });

  test("says nothing of a renewal that failed because its task was completed or taken anew meanwhile", async () => {
    const answers: ((fault: Error) => void)[] = [];
    const request = () => new Promise((_, reject) => answers.push(reject));
    const failures: unknown[] = [];
    const leases = new LeaseSession(request as unknown as GraphQLRequest, {
      idleMs: 7_200_000,
      renewalFailed: (...failure) => failures.push(failure),
    });
    leases.hold(task);
    leases.hold({ ...task, taskId: "TASK-002" });
    await vi.advanceTimersByTimeAsync(10_000);
    leases.drop("alpha", "TASK-001");
    leases.hold({ ...task, taskId: "TASK-002", attempt: "2-9f86d081884c" });
    for (const fail of answers.splice(0)) fail(new ServerError("LEASE_LOST", "completed"));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(failures).toEqual([]);
    expect(answers).toHaveLength(1);
    void leases.close();
  });

  test("knows a task by its project when it holds two of one name", () => {
    const { leases } = session();
    leases.hold(task);
    leases.hold({ ...task, projectId: "beta", attempt: "9-9f86d081884c" });
    expect(leases.find("TASK-001", "beta", undefined)).toMatchObject({ attempt: "9-9f86d081884c" });
    expect(leases.find("TASK-001", undefined, "alpha")).toMatchObject({ attempt: "1-9f86d081884c" });
    expect(leases.find("TASK-001", undefined, "gamma")).toBeUndefined();
  });

  test("remembers the thousand names that it left last", () => {
    const { leases } = session();
    const find = () => leases.find("TASK-001", undefined, "alpha");
    leases.hold(task);
    leases.drop("beta", "TASK-001");
    for (let n = 2; n <= 1_000; n += 1) leases.drop("beta", `TASK-${n}`);
    expect(find()).toBeUndefined();
    leases.drop("beta", "TASK-1001");
    expect(find()).toEqual(task);
  });

  test("lets leases run out when its client made no call for two hours, and renews again once it calls", async () => {
    const { leases, renewals } = session();
    leases.hold({ ...task, leaseSeconds: 3_600 });
    await vi.advanceTimersByTimeAsync(7_200_000);
    expect(renewals).toHaveLength(6);
    await vi.advanceTimersByTimeAsync(7_200_000);
    expect(renewals).toHaveLength(6);
    await leases.during(Promise.resolve());
    await vi.advanceTimersByTimeAsync(1_200_000);
    expect(renewals).toHaveLength(7);
  });

  test("gives back what it holds when it ends, and what a late claim brings, but nothing that it finished", async () => {
    const { leases, renewals: requests } = session();
    leases.hold(task);
    leases.hold({ ...task, taskId: "TASK-002" });
    leases.drop("alpha", "TASK-002");
    const { promise: claim, resolve: claimed } = Promise.withResolvers<void>();
    const call = leases.during(claim);
    const closed = leases.close();
    leases.hold({ ...task, taskId: "TASK-003" });
    claimed();
    await Promise.all([call, closed, leases.close()]);
    const given = {
      projectId: "alpha",
      attempt: task.attempt,
      notes: "session ended",
      sessionEnded: true,
      idempotencyKey: expect.any(String),
    };
    expect(requests).toEqual([
      { input: { ...given, taskId: "TASK-003" } },
      { input: { ...given, taskId: "TASK-001" } },
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("does not wait long for a call under way when it ends", async () => {
    const { leases, renewals: requests } = session();
    leases.hold(task);
    void leases.during(new Promise(() => undefined));
    const closed = leases.close();
    await vi.advanceTimersByTimeAsync(999);
    expect(requests).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    await closed;
    expect(requests).toHaveLength(1);
  });
});
