DROP INDEX idx_attempts_due;
ALTER TABLE task_attempts DROP COLUMN expiry_told_at;
