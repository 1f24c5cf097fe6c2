DROP INDEX idx_attempts_ended;
