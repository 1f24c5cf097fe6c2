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
  UPDATE tasks t SET open_children = t.open_children + c.more FROM (
    SELECT p.task_id, sum(p.more)::integer AS more
    FROM (VALUES (OLD.parent_task_id, -was), (NEW.parent_task_id, now)) p (task_id, more)
    WHERE p.task_id IS NOT NULL GROUP BY p.task_id) c
  WHERE t.project_id = coalesce(NEW.project_id, OLD.project_id) AND t.task_id = c.task_id AND c.more <> 0;
  RETURN NULL;
END $$;
