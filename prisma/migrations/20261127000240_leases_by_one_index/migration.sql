-- The status is left out of the predicate: a claim that asks for it may be planned by idx_tasks_status, while nothing is in
-- progress, and then reads all that is held in every project. A task has a lease exactly while it is in progress.
DROP INDEX idx_tasks_lease;
CREATE INDEX idx_tasks_lease ON tasks (project_id, lease_expires_at)
  WHERE lease_expires_at IS NOT NULL AND archived_at IS NULL;
