-- The end of a lease is told of when it comes (task.lease_expired), not only when somebody else takes the task. The
-- attempt stays open meanwhile: its holder may renew it as long as nobody has taken the task, which sets this to null.
ALTER TABLE task_attempts ADD COLUMN expiry_told_at timestamptz;

-- What is to be told of next, whatever the project.
CREATE INDEX idx_attempts_due ON task_attempts (lease_expires_at) WHERE ended_at IS NULL AND expiry_told_at IS NULL;
