-- Says of each claim, with its task's row locked, whether the task was ready: by the graph itself and not by any counter.
CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  most integer := (SELECT (settings ->> 'maxInProgress')::integer FROM projects WHERE project_id = NEW.project_id);
  wrong text;
BEGIN
  wrong := CASE
    WHEN OLD.status <> 'pending' AND OLD.lease_expires_at > docket_now() THEN 'held'
    WHEN OLD.deleted_at IS NOT NULL OR OLD.archived_at IS NOT NULL THEN 'gone'
    WHEN OLD.parked_at IS NOT NULL THEN 'parked'
    WHEN OLD.ready_at > docket_now() THEN 'waiting'
    WHEN EXISTS (SELECT FROM projects WHERE project_id = NEW.project_id AND paused_at IS NOT NULL) THEN 'paused'
    WHEN EXISTS (SELECT FROM task_dependencies d
      JOIN tasks b ON b.project_id = d.depends_on_project_id AND b.task_id = d.depends_on_task_id
      WHERE d.project_id = NEW.project_id AND d.task_id = NEW.task_id AND d.kind = 'blocks'
        AND b.status <> 'completed' AND b.deleted_at IS NULL) THEN 'blocked'
    WHEN NEW.claimed_by = 'next' AND EXISTS (SELECT FROM tasks c WHERE c.project_id = NEW.project_id
      AND c.parent_task_id = NEW.task_id AND c.status <> 'completed' AND c.deleted_at IS NULL) THEN 'has open children'
    WHEN OLD.status = 'pending' AND most <= (SELECT count(*) FROM tasks t
      WHERE t.project_id = NEW.project_id AND t.status = 'in_progress') THEN 'beyond the limit'
  END;
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION '% of % was claimed, and is %', NEW.task_id, NEW.project_id, wrong;
  END IF;
  RETURN NEW;
END $$;
-- The last of all: triggers fire in the order of their names.
CREATE TRIGGER zz_witness BEFORE UPDATE OF attempts ON tasks FOR EACH ROW
  WHEN (NEW.attempts > OLD.attempts) EXECUTE FUNCTION witness();
