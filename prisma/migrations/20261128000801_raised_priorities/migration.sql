-- The due date for which the priority of a task was raised: once for each.
ALTER TABLE tasks ADD COLUMN priority_raised_for timestamptz;
CREATE INDEX idx_tasks_raisable ON tasks (project_id, due_date)
  WHERE due_date IS NOT NULL AND status <> 'completed' AND deleted_at IS NULL AND archived_at IS NULL AND NOT is_template
    AND priority > 0 AND priority_raised_for IS DISTINCT FROM due_date;

-- It shows all columns.
CREATE OR REPLACE VIEW archived_work_items AS SELECT * FROM tasks WHERE archived_at IS NOT NULL;
