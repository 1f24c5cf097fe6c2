DROP VIEW archived_work_items;
DROP TRIGGER priorities_are_raised_once ON tasks;
DROP FUNCTION keep_raised();
ALTER TABLE tasks DROP COLUMN priority_raised_for_all;
CREATE VIEW archived_work_items AS SELECT * FROM tasks WHERE archived_at IS NOT NULL;
GRANT SELECT ON archived_work_items TO docket_app;
