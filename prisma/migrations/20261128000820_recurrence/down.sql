DROP TRIGGER recurring_tasks_go_on ON tasks;
DROP TRIGGER recurring_tasks_begin ON tasks;
DROP TRIGGER recurring_tasks_are_templates ON tasks;
DROP FUNCTION keep_recurrence();
DROP TABLE recurrences;
DROP VIEW archived_work_items;
DROP INDEX idx_tasks_due_date;
DROP INDEX idx_tasks_recurrence;
DROP INDEX idx_tasks_parent_recurring;
DROP INDEX uniq_recurring_instance;
ALTER TABLE tasks DROP CONSTRAINT chk_recurrence_is_whole;
-- Templates are nothing to an older version: they are deleted, and come back by restoreTask as tasks like others.
UPDATE tasks SET is_template = false, deleted_at = coalesce(deleted_at, docket_now()) WHERE recurrence_pattern IS NOT NULL;
ALTER TABLE tasks
  DROP CONSTRAINT tasks_parent_recurring_fkey,
  DROP CONSTRAINT chk_instance_is_no_template,
  DROP CONSTRAINT chk_instance_has_date,
  DROP CONSTRAINT chk_recurrence_requires_due_date,
  DROP COLUMN occurrence_date,
  DROP COLUMN parent_recurring_task_id,
  DROP COLUMN recurrence_paused_at,
  DROP COLUMN catch_up,
  DROP COLUMN recurrence_end_date,
  DROP COLUMN recurrence_time_zone,
  DROP COLUMN recurrence_pattern;
CREATE VIEW archived_work_items AS SELECT * FROM tasks WHERE archived_at IS NOT NULL;
GRANT SELECT ON archived_work_items TO docket_app;
