DROP INDEX idx_tasks_assigned;
