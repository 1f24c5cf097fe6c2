/** What the tasks of the checklist speak of: a web shop that has grown for some years. */
export const AREAS: readonly { heading: string; label: string; subjects: readonly string[] }[] = [
  {
    heading: "Accounts",
    label: "accounts",
    subjects: [
      "the sign-in callback",
      "password reset mails",
      "the session cookie",
      "the profile page",
      "team invitations",
    ],
  },
  {
    heading: "Billing",
    label: "billing",
    subjects: [
      "the invoice list",
      "`src/billing/refund.ts`",
      "VAT for orders abroad",
      "the payment webhook",
      "the monthly report",
    ],
  },
  {
    heading: "Search",
    label: "search",
    subjects: ["the product index", "`SearchBox.tsx`", "synonyms", "the facet counts", "ranking by stock"],
  },
  {
    heading: "API",
    label: "api",
    subjects: ["`POST /v2/orders`", "the rate limiter", "the OpenAPI description", "cursor pages", "error bodies"],
  },
  {
    heading: "Storefront",
    label: "web",
    subjects: [
      "the cart drawer",
      "the product gallery on phones",
      "the checkout form",
      "the cookie banner",
      "empty states",
    ],
  },
  {
    heading: "Database",
    label: "db",
    subjects: [
      "the `orders` table",
      "the nightly backup",
      "slow queries of the dashboard",
      "the audit log",
      "old carts",
    ],
  },
  {
    heading: "Operations",
    label: "ops",
    subjects: [
      "the deploy pipeline",
      "alerts for the job queue",
      "the staging environment",
      "log retention",
      "the Docker image",
    ],
  },
  {
    heading: "Tests",
    label: "tests",
    subjects: [
      "the flaky checkout test",
      "fixtures of customers",
      "the end-to-end suite",
      "`test/api/orders.test.ts`",
      "load tests",
    ],
  },
];

export const DEEDS: readonly string[] = [
  ...["Add tests for", "Rework", "Fix the race in", "Document", "Add retries to", "Remove the old code of", "Speed up"],
  ...["Validate the input of", "Add pagination to", "Translate", "Move", "Handle timeouts in", "Log failures of"],
];

/** How a task's line ends; some say no more than what is to be done. */
export const WAYS: readonly string[] = [
  ...["", "", "", " before the next release", " so that a second click does nothing twice", " without a migration"],
  ...[" and keep the old field until March", " for customers with more than 10,000 rows", " behind a feature flag"],
  ...[" (see US-028)", " when the provider answers late", " as agreed with support"],
];

export const NOTES: readonly string[] = [
  "Reproduce it first: two tabs, the same cart, one click in each.",
  "The pattern is in `src/customers/list.ts`; the cursor must hold every column of the sort.",
  "Accept when the suite passes ten times in a row and the p95 stays below 200 ms.",
  "Ask support for the three tickets of last week before changing the text.",
  "Blocked until TASK-014 is done.",
  "Keep the response shape; two partners still parse it by hand.",
  "Tried a partial index already: no gain, the planner ignores it below a million rows.",
  "Needs a line in the changelog.",
];
