import { describe, expect, it } from "vitest";
import { EVENT_TYPES } from "../../../src/event-types.ts";
import { expandTypes } from "../../../src/log/read/type-patterns.ts";

describe("the types of a webhook", () => {
  it("are single ones and those of whole nouns, each once", () => {
    expect(expandTypes(["key.*", "task.completed", "key.created"])).toEqual([
      "task.completed",
      "key.created",
      "key.rotated",
      "key.revoked",
    ]);
    expect(expandTypes(["task.*"])).toEqual(EVENT_TYPES.filter((type) => type.startsWith("task.")));
    const nouns = new Set(EVENT_TYPES.map((type) => `${type.split(".")[0]}.*`));
    expect(expandTypes([...nouns])).toEqual([...EVENT_TYPES]);
  });
});
