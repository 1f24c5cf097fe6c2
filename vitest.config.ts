import { defineConfig } from "vitest/config";

export default defineConfig({
  // graphql has a "development" export that Vite would take while Node takes another for packages outside: two copies.
  ssr: { resolve: { conditions: ["module-sync", "node"] } },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/support/cluster.ts",
    // Tests wait for PostgreSQL more than they compute.
    maxWorkers: "100%",
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // Collected, and held to the thresholds, only with --coverage.
    coverage: {
      provider: "v8",
      include: ["src/**", "schema/**", "client/**", "mcp/**"],
      exclude: ["**/*.graphql"],
      thresholds: { lines: 80, statements: 80, functions: 80, branches: 75 },
    },
  },
});
