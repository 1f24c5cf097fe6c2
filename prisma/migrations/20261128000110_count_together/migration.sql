-- What one statement adds is counted at once: row by row, a plan with thousands of dependencies took seconds.
DROP TRIGGER new_tasks_count ON tasks;
DROP TRIGGER dependencies_count ON task_dependencies;
DROP FUNCTION count_dependency();
DROP FUNCTION count_blocker(task_dependencies, integer);

-- Tells the parents of new tasks that these are open: all that a statement adds at once, as a plan brings hundreds.
CREATE OR REPLACE FUNCTION count_new_children() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE tasks t SET open_children = t.open_children + c.more FROM (
    SELECT a.project_id, a.parent_task_id, count(*)::integer AS more FROM added a
    WHERE a.parent_task_id IS NOT NULL AND is_open(a.status, a.deleted_at, a.is_template)
    GROUP BY a.project_id, a.parent_task_id) c
  WHERE t.project_id = c.project_id AND t.task_id = c.parent_task_id;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER new_tasks_count AFTER INSERT ON tasks
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_new_children();

-- Dependencies that begin (by 1) or end (by -1) count where what they wait for is open: all of a statement at once, as a plan
-- brings thousands. Those rows are locked before they are looked at: who completes one at the same time is waited for, and
-- counts the dependencies that it finds then.
CREATE OR REPLACE FUNCTION count_dependencies() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM tasks b
  WHERE (b.project_id, b.task_id) IN (
    SELECT e.depends_on_project_id, e.depends_on_task_id FROM edges e WHERE e.kind = 'blocks')
  ORDER BY b.project_id, b.task_id FOR NO KEY UPDATE;
  UPDATE tasks t SET open_blockers = t.open_blockers + c.more FROM (
    SELECT e.project_id, e.task_id, TG_ARGV[0]::integer * count(*)::integer AS more FROM edges e
      JOIN tasks b ON b.project_id = e.depends_on_project_id AND b.task_id = e.depends_on_task_id
    WHERE e.kind = 'blocks' AND is_open(b.status, b.deleted_at, b.is_template) GROUP BY e.project_id, e.task_id) c
  WHERE t.project_id = c.project_id AND t.task_id = c.task_id;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER new_dependencies_count AFTER INSERT ON task_dependencies
  REFERENCING NEW TABLE AS edges FOR EACH STATEMENT EXECUTE FUNCTION count_dependencies('1');
CREATE OR REPLACE TRIGGER removed_dependencies_count AFTER DELETE ON task_dependencies
  REFERENCING OLD TABLE AS edges FOR EACH STATEMENT EXECUTE FUNCTION count_dependencies('-1');
CREATE OR REPLACE TRIGGER dependencies_before_count AFTER UPDATE ON task_dependencies
  REFERENCING OLD TABLE AS edges FOR EACH STATEMENT EXECUTE FUNCTION count_dependencies('-1');
CREATE OR REPLACE TRIGGER dependencies_now_count AFTER UPDATE ON task_dependencies
  REFERENCING NEW TABLE AS edges FOR EACH STATEMENT EXECUTE FUNCTION count_dependencies('1');
