DROP VIEW archived_work_items;
DROP INDEX idx_tasks_raisable;
ALTER TABLE tasks DROP COLUMN priority_raised_for;
CREATE VIEW archived_work_items AS SELECT * FROM tasks WHERE archived_at IS NOT NULL;
GRANT SELECT ON archived_work_items TO docket_app;
