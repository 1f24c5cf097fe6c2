-- The key that ended an attempt, where it was not its holder: another key that was given the attempt, or an admin's in
-- the holder's place. Then the holder's own ending is no repetition.
ALTER TABLE task_attempts
  ADD COLUMN ended_by text
    CONSTRAINT chk_ended_by_when_ended CHECK (ended_by IS NULL OR ended_at IS NOT NULL);
