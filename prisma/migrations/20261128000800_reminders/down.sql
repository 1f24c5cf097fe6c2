DROP VIEW archived_work_items;
DROP TRIGGER tasks_keep_reminders ON tasks;
DROP TRIGGER tasks_schedule_reminders ON tasks;
DROP TRIGGER tasks_keep_reminders_of_new ON tasks;
DROP FUNCTION keep_reminders();
DROP FUNCTION schedule_reminders(tasks);
DROP FUNCTION next_reminder(text, text, text[], uuid[]);
DROP FUNCTION reminder_seconds(text);
DROP TABLE reminder_schedule;
DROP INDEX idx_tasks_reminder_status;
ALTER TABLE tasks
  DROP CONSTRAINT chk_reminder_requires_due_date,
  DROP COLUMN reminder_status,
  DROP COLUMN reminder_offset,
  DROP COLUMN reminder_offsets;
CREATE VIEW archived_work_items AS SELECT * FROM tasks WHERE archived_at IS NOT NULL;
GRANT SELECT ON archived_work_items TO docket_app;
