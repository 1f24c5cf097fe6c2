/** A make-believe project: its own prefix keeps the demo's agents away from real work. */
export interface DemoProject {
  readonly projectId: string;
  readonly agents: readonly [string, string];
  /** What may be worked on there; the demo counts up behind each. */
  readonly work: readonly string[];
  /** The artifact IDs its agents reserve. */
  readonly artifactType: string;
}

export const demoProjects: readonly DemoProject[] = [
  {
    projectId: "demo-web-shop",
    agents: ["ada", "bob"],
    work: ["Add guest checkout", "Speed up product search", "Show delivery dates", "Fix rounding in the basket"],
    artifactType: "US",
  },
  {
    projectId: "demo-mobile-app",
    agents: ["cleo", "dan"],
    work: ["Keep drafts offline", "Support dark mode", "Shrink the start screen", "Test on small phones"],
    artifactType: "US",
  },
  {
    projectId: "demo-data-pipeline",
    agents: ["eve", "finn"],
    work: ["Load yesterday's orders", "Check totals against the ledger", "Split the nightly job", "Chart late rows"],
    artifactType: "SPEC",
  },
  {
    projectId: "demo-docs-site",
    agents: ["gus", "hana"],
    work: ["Write the first-steps page", "Check all links", "Draw the request path", "Translate the glossary"],
    artifactType: "PRD",
  },
  {
    projectId: "demo-infra",
    agents: ["ivo", "june"],
    work: ["Rotate certificates", "Add a second region", "Trim container images", "Rehearse the restore"],
    artifactType: "ADR",
  },
];
