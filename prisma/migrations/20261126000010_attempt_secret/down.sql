DROP INDEX idx_attempts_open_by_worker;
UPDATE task_attempts SET outcome = 'released' WHERE outcome = 'superseded';
ALTER TABLE task_attempts
  DROP CONSTRAINT task_attempts_outcome_check,
  ADD CONSTRAINT task_attempts_outcome_check
    CHECK (outcome IN ('completed', 'released', 'expired', 'cancelled', 'reset')),
  DROP COLUMN last_renewed_at,
  DROP COLUMN secret;
