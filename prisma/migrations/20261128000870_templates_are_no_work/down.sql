-- A task lies one level below its parent, and what lies below it follows. A circle of parents has no depth: it is refused
-- where it grows beyond the deepest level that there is.
CREATE OR REPLACE FUNCTION place_in_tree() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_WHEN = 'AFTER' THEN
    UPDATE tasks t SET depth = NEW.depth + 1 WHERE t.project_id = NEW.project_id AND t.parent_task_id = NEW.task_id;
    RETURN NULL;
  END IF;
  NEW.depth := 0;
  IF NEW.parent_task_id IS NOT NULL THEN
    -- Locked: a parent that is being moved is waited for.
    SELECT p.depth + 1 INTO NEW.depth FROM tasks p
    WHERE p.project_id = NEW.project_id AND p.task_id = NEW.parent_task_id FOR NO KEY UPDATE;
    NEW.depth := coalesce(NEW.depth, 1);
  END IF;
  RETURN NEW;
END $$;
ALTER TABLE tasks DROP CONSTRAINT chk_template_is_no_work;
