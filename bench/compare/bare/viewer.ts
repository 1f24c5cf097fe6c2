import type { Viewer } from "../../../src/access/viewer.ts";

/** Who asks where nobody is authenticated. */
export const VIEWER: Viewer = {
  actor: "bare",
  name: "bare",
  client: "bare",
  keyId: null,
  role: "agent",
  projectIds: null,
  expiresAt: null,
};
