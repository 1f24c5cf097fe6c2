ALTER TABLE task_attempts DROP COLUMN stall_told_at, DROP COLUMN last_active_at;
