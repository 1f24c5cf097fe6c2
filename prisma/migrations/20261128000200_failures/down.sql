DROP FUNCTION after_attempt(tasks, text, jsonb, text, boolean, integer);
DROP FUNCTION retry_at(integer, timestamptz, jsonb);
DROP INDEX idx_tasks_ready_at;
DROP INDEX idx_attempts_failed;
CREATE INDEX idx_attempts_failed ON task_attempts (project_id, task_id, ended_at) WHERE outcome = 'expired';
UPDATE task_attempts SET outcome = 'released' WHERE outcome = 'failed';
ALTER TABLE task_attempts
  DROP CONSTRAINT task_attempts_outcome_check,
  ADD CONSTRAINT task_attempts_outcome_check
    CHECK (outcome IN ('completed', 'released', 'expired', 'cancelled', 'reset', 'superseded'));
