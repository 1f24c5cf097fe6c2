-- What was reserved for a task: few reservations name one, and those without are left out.
CREATE INDEX idx_reservations_task ON id_reservations (project_id, task_id, reserved_at, reservation_id)
  WHERE task_id IS NOT NULL;
