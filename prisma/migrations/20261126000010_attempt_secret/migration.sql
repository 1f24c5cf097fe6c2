-- An attempt becomes a capability: its number is for people, its secret proves that one was given it. The default is
-- evaluated for every row, so attempts from before get one each; 48 random bits are the start of a random UUID.
ALTER TABLE task_attempts
  ADD COLUMN secret text NOT NULL DEFAULT replace(left(gen_random_uuid()::text, 13), '-', '')
    CONSTRAINT chk_attempt_secret CHECK (secret ~ '^[0-9a-f]{12}$'),
  ADD COLUMN last_renewed_at timestamptz;

ALTER TABLE task_attempts
  DROP CONSTRAINT task_attempts_outcome_check,
  ADD CONSTRAINT task_attempts_outcome_check
    CHECK (outcome IN ('completed', 'released', 'expired', 'cancelled', 'reset', 'superseded'));

-- What one key holds under one worker's name.
CREATE INDEX idx_attempts_open_by_worker ON task_attempts (actor, worker) WHERE ended_at IS NULL;
