-- Nobody works on a template: what was parked or claimed of one, before that was refused, is undone.
UPDATE tasks SET status = 'pending', completed_at = NULL, claimed_by = NULL, lease_expires_at = NULL, parked_at = NULL, parked_reason = NULL
WHERE is_template AND (status <> 'pending' OR parked_at IS NOT NULL);
ALTER TABLE tasks ADD CONSTRAINT chk_template_is_no_work
  CHECK (NOT is_template OR (status = 'pending' AND parked_at IS NULL));

-- A task lies one level below its parent, and what lies below it follows. A circle of parents has no depth: it is refused
-- where it grows beyond the deepest level that there is. Nothing new lies below a template: its instances are made from its
-- own fields.
CREATE OR REPLACE FUNCTION place_in_tree() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  below_template boolean;
BEGIN
  IF TG_WHEN = 'AFTER' THEN
    UPDATE tasks t SET depth = NEW.depth + 1 WHERE t.project_id = NEW.project_id AND t.parent_task_id = NEW.task_id;
    RETURN NULL;
  END IF;
  NEW.depth := 0;
  IF NEW.parent_task_id IS NOT NULL THEN
    -- Locked: a parent that is being moved is waited for.
    SELECT p.depth + 1, p.is_template INTO NEW.depth, below_template FROM tasks p
    WHERE p.project_id = NEW.project_id AND p.task_id = NEW.parent_task_id FOR NO KEY UPDATE;
    IF below_template THEN
      IF TG_OP = 'INSERT' OR OLD.parent_task_id IS DISTINCT FROM NEW.parent_task_id THEN
        RAISE EXCEPTION 'Task % is the template of a recurring task, and has no children', NEW.parent_task_id
          USING ERRCODE = 'check_violation', CONSTRAINT = 'chk_template_has_no_children';
      END IF;
    END IF;
    NEW.depth := coalesce(NEW.depth, 1);
  END IF;
  RETURN NEW;
END $$;
