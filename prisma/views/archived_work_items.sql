-- The tasks that were put away, with all their columns.
CREATE OR REPLACE VIEW archived_work_items AS SELECT * FROM tasks WHERE archived_at IS NOT NULL;

GRANT SELECT ON archived_work_items TO docket_app;
