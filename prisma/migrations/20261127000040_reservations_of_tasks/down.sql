DROP INDEX idx_reservations_task;
