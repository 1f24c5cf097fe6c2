-- What is settled or moved counts at its parents by their keys, also where a statement settles many tasks.
CREATE OR REPLACE FUNCTION count_open_task() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  was integer := coalesce(is_open(OLD.status, OLD.deleted_at, OLD.is_template), false)::integer;
  now integer := coalesce(is_open(NEW.status, NEW.deleted_at, NEW.is_template), false)::integer;
BEGIN
  IF TG_OP = 'UPDATE' AND was <> now THEN
    UPDATE tasks t SET open_blockers = t.open_blockers + now - was FROM task_dependencies d
    WHERE d.depends_on_project_id = NEW.project_id AND d.depends_on_task_id = NEW.task_id AND d.kind = 'blocks'
      AND t.project_id = d.project_id AND t.task_id = d.task_id;
  END IF;
  -- Each parent by its key: a thousand tasks may be settled by one statement, before anything is known of the table.
  IF OLD.parent_task_id = NEW.parent_task_id THEN
    UPDATE tasks t SET open_children = t.open_children + now - was
    WHERE t.project_id = NEW.project_id AND t.task_id = NEW.parent_task_id AND now <> was;
  ELSE
    IF OLD.parent_task_id IS NOT NULL AND was <> 0 THEN
      UPDATE tasks t SET open_children = t.open_children - was
      WHERE t.project_id = OLD.project_id AND t.task_id = OLD.parent_task_id;
    END IF;
    IF NEW.parent_task_id IS NOT NULL AND now <> 0 THEN
      UPDATE tasks t SET open_children = t.open_children + now
      WHERE t.project_id = NEW.project_id AND t.task_id = NEW.parent_task_id;
    END IF;
  END IF;
  RETURN NULL;
END $$;
