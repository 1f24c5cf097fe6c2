-- What is kept for a worker: claims of several workers ask together whether there is any for one of them.
CREATE INDEX idx_tasks_assigned ON tasks (project_id, assigned_to)
  WHERE assigned_to IS NOT NULL AND status <> 'completed';
