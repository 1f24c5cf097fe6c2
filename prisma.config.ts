import { defineConfig } from "prisma/config";

// Generating needs no engine, only a path that exists; migrations run in-process (src/db/migrate.ts).
process.env["PRISMA_SCHEMA_ENGINE_BINARY"] ??= process.execPath;

export default defineConfig({ schema: "prisma/schema.prisma", migrations: { path: "prisma/migrations" } });
