DROP VIEW archived_work_items;
DROP INDEX idx_tasks_settled;
ALTER TABLE tasks DROP CONSTRAINT chk_archived_settled;
