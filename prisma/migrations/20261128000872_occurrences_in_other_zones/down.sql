DROP VIEW archived_work_items;
DROP INDEX uniq_recurring_instance;
DROP INDEX uniq_recurring_instant;
ALTER TABLE tasks DROP CONSTRAINT chk_instance_repeats_date;
-- A date had one instance before: the second one stays as a task of its own.
UPDATE tasks SET parent_recurring_task_id = NULL, occurrence_date = NULL WHERE repeats_date;
ALTER TABLE tasks DROP COLUMN repeats_date, DROP COLUMN occurs_at;
CREATE UNIQUE INDEX uniq_recurring_instance ON tasks (project_id, parent_recurring_task_id, occurrence_date)
  WHERE parent_recurring_task_id IS NOT NULL;
CREATE VIEW archived_work_items AS SELECT * FROM tasks WHERE archived_at IS NOT NULL;
GRANT SELECT ON archived_work_items TO docket_app;
