-- When an instance is due by its rule, whatever became of its due date since: in another zone that may be another date. A
-- recurrence that moves west comes a second time to a date that has its instance: both are wanted, and each once.
ALTER TABLE tasks
  ADD COLUMN occurs_at timestamptz,
  ADD COLUMN repeats_date boolean NOT NULL DEFAULT false,
  ADD CONSTRAINT chk_instance_repeats_date CHECK (NOT repeats_date OR (parent_recurring_task_id IS NOT NULL AND occurs_at IS NOT NULL));
CREATE UNIQUE INDEX uniq_recurring_instant ON tasks (project_id, parent_recurring_task_id, occurs_at)
  WHERE parent_recurring_task_id IS NOT NULL AND occurs_at IS NOT NULL;
DROP INDEX uniq_recurring_instance;
CREATE UNIQUE INDEX uniq_recurring_instance ON tasks (project_id, parent_recurring_task_id, occurrence_date)
  WHERE parent_recurring_task_id IS NOT NULL AND NOT repeats_date;

-- It shows all columns.
CREATE OR REPLACE VIEW archived_work_items AS SELECT * FROM tasks WHERE archived_at IS NOT NULL;
