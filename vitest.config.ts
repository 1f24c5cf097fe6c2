import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  // graphql has a "development" export that Vite would take while Node takes another for packages outside: two copies.
  ssr: { resolve: { conditions: ["module-sync", "node"] } },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/support/cluster.ts",
    // Many tests wait for what has to take its time. More at once would need more connections than PostgreSQL has.
    maxWorkers: Math.min(8, 2 * availableParallelism() + 1),
    // No test leaves anything in a module: loading all of them anew for each file would cost a third of the time.
    isolate: false,
    // What a request leaves behind dies young: collected less often, it takes about a twentieth less time.
    execArgv: ["--max-semi-space-size=32"],
    // No test measures time by these; they only end what hangs, on a machine that does eight things at once, too.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 30_000 } },
    // Collected, and held to the thresholds, only with --coverage.
    coverage: {
      provider: "v8",
      // Pages of HTML would take as long as a hundred tests; --coverage.reporter=html makes them.
      reporter: ["text-summary"],
      include: ["src/**", "schema/**", "client/**", "mcp/**"],
      exclude: ["**/*.graphql", "**/*.sha256"],
      thresholds: { lines: 80, statements: 80, functions: 80, branches: 75 },
    },
  },
});
