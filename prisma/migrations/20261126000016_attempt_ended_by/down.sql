ALTER TABLE task_attempts DROP COLUMN ended_by;
