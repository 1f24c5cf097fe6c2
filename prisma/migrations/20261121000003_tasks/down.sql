DROP FUNCTION task_document(tasks);
DROP TABLE task_attempts, tasks;
DROP FUNCTION stamp_task_status();
