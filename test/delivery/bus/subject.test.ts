import { describe, expect, it } from "vitest";
import { covers, subjectOf, wildcardOf } from "../../../src/delivery/bus/subject.ts";

const BY_DEFAULT = "docket.{project}.{noun}.{action}";
const TASKFLOW = "taskflow.{noun}.{action}";

describe("the subject of an event", () => {
  it.each([
    [BY_DEFAULT, "alpha", "task.created", "docket.alpha.tasks.created"],
    [BY_DEFAULT, "alpha", "task.lease_expired", "docket.alpha.tasks.lease_expired"],
    [BY_DEFAULT, "alpha", "task.reminder.triggered", "docket.alpha.tasks.reminder-triggered"],
    [BY_DEFAULT, "a-2", "ids.reserved", "docket.a-2.ids.reserved"],
    [BY_DEFAULT, "alpha", "project.configured", "docket.alpha.projects.configured"],
    [BY_DEFAULT, null, "key.revoked", "docket._server.keys.revoked"],
    [BY_DEFAULT, null, "webhook.created", "docket._server.webhooks.created"],
    [TASKFLOW, "alpha", "task.created", "taskflow.tasks.created"],
    [TASKFLOW, "alpha", "task.updated", "taskflow.tasks.updated"],
    [TASKFLOW, "alpha", "task.completed", "taskflow.tasks.completed"],
    [TASKFLOW, "alpha", "task.deleted", "taskflow.tasks.deleted"],
    [TASKFLOW, "alpha", "task.reminder.triggered", "taskflow.tasks.reminder-triggered"],
    ["{project}-{noun}.{action}", "alpha", "task.created", "alpha-tasks.created"],
  ])("by %s in %s of %s is %4$s", (pattern, projectId, type, subject) => {
    expect(subjectOf(pattern, { projectId, type })).toBe(subject);
    expect(covers(wildcardOf(pattern), subject)).toBe(true);
  });

  it.each([
    [BY_DEFAULT, "docket.*.*.*"],
    [TASKFLOW, "taskflow.*.*"],
    ["{project}-{noun}.{action}", "*.*"],
    ["a.{noun}.b.{action}", "a.*.b.*"],
  ])("by %s is one of %s", (pattern, wildcard) => {
    expect(wildcardOf(pattern)).toBe(wildcard);
  });
});

describe("a stream's subject", () => {
  it.each([
    ["docket.*.*.*", true],
    ["docket.>", true],
    [">", true],
    ["docket.*.>", true],
    ["docket.*.*.>", true],
    ["*.*.*.*", true],
    ["docket.*.*.*.>", false],
    ["docket.*.*", false],
    ["docket.*.tasks.*", false],
    ["docket.alpha.>", false],
    ["taskflow.>", false],
    ["docket", false],
  ])("%s takes all of docket.*.*.*: %s", (subject, taken) => {
    expect(covers(subject, "docket.*.*.*")).toBe(taken);
  });
});
