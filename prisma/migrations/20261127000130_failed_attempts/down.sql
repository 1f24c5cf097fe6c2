DROP INDEX idx_attempts_failed;
