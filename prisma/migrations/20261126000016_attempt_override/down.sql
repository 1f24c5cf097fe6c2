ALTER TABLE task_attempts DROP COLUMN overridden_by;
