DROP INDEX idx_tasks_lease;
CREATE INDEX idx_tasks_lease ON tasks (project_id, lease_expires_at)
  WHERE status = 'in_progress' AND archived_at IS NULL;
