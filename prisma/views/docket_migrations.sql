-- The migrations that are done, for a server that asks whether the schema is as new as it needs.
CREATE OR REPLACE VIEW docket_migrations AS
  SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL;

GRANT SELECT ON docket_migrations TO docket_app;
