DROP TRIGGER new_tasks_count ON tasks;
DROP FUNCTION count_new_children();
DROP FUNCTION count_dependencies() CASCADE;

-- A dependency that begins (by 1) or ends (by -1) counts where what it waits for is open. That row is locked before it is
-- looked at: who completes it at the same time is waited for, and counts the dependencies that it finds then.
CREATE OR REPLACE FUNCTION count_blocker(edge task_dependencies, by integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  counts boolean;
BEGIN
  IF edge.kind <> 'blocks' THEN
    RETURN;
  END IF;
  SELECT is_open(b.status, b.deleted_at, b.is_template) INTO counts FROM tasks b
  WHERE b.project_id = edge.depends_on_project_id AND b.task_id = edge.depends_on_task_id FOR NO KEY UPDATE;
  IF counts THEN
    UPDATE tasks t SET open_blockers = t.open_blockers + by
    WHERE t.project_id = edge.project_id AND t.task_id = edge.task_id;
  END IF;
END $$;

CREATE OR REPLACE FUNCTION count_dependency() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    PERFORM count_blocker(OLD, -1);
  END IF;
  IF TG_OP <> 'DELETE' THEN
    PERFORM count_blocker(NEW, 1);
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER dependencies_count AFTER INSERT OR UPDATE OR DELETE ON task_dependencies
  FOR EACH ROW EXECUTE FUNCTION count_dependency();

CREATE TRIGGER new_tasks_count AFTER INSERT ON tasks FOR EACH ROW
  WHEN (NEW.parent_task_id IS NOT NULL) EXECUTE FUNCTION count_open_task();
