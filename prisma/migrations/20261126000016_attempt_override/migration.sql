-- The admin's key that ended an attempt in the place of its holder: then the holder's own ending is no repetition.
ALTER TABLE task_attempts
  ADD COLUMN overridden_by text
    CONSTRAINT chk_overridden_when_ended CHECK (overridden_by IS NULL OR ended_at IS NOT NULL);
