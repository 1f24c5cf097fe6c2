DROP INDEX idx_tasks_raisable;
ALTER TABLE tasks DROP COLUMN priority_raised_for;
