-- The extension stays: others may use it.
DROP FUNCTION prune_ended(integer);
DROP INDEX idx_idempotency_created, idx_sessions_expired, idx_reservations_returned;
DROP TRIGGER tasks_have_texts ON tasks;
DROP TRIGGER task_texts_follow ON tasks;
DROP FUNCTION add_task_texts(), change_task_text();
DROP TABLE task_texts;
DROP FUNCTION task_text(tasks);
