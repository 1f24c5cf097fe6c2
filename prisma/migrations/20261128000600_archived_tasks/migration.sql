-- Tasks that were settled long ago are put away: off every list that does not ask for them, with their rows, IDs and links.
ALTER TABLE tasks ADD CONSTRAINT chk_archived_settled
  CHECK (archived_at IS NULL OR ((status = 'completed' OR deleted_at IS NOT NULL) AND open_children = 0));

-- Those that may be put away, by when they were settled.
CREATE INDEX idx_tasks_settled ON tasks (coalesce(deleted_at, completed_at))
  WHERE archived_at IS NULL AND coalesce(deleted_at, completed_at) IS NOT NULL;

CREATE VIEW archived_work_items AS SELECT * FROM tasks WHERE archived_at IS NOT NULL;
GRANT SELECT ON archived_work_items TO docket_app;
