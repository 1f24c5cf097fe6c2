-- What recurs is a template, and has a row in `recurrences`, wherever it is made. What decides when it recurs may be changed
-- by any statement: the row is then to be settled anew, from now on, by whoever looks at it first. One that is paused or put
-- away is not looked at.
CREATE OR REPLACE FUNCTION keep_recurrence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_WHEN = 'BEFORE' THEN
    NEW.is_template := true;
    NEW.recurrence_time_zone := coalesce(NEW.recurrence_time_zone, 'UTC');
    NEW.catch_up := coalesce(NEW.catch_up, 'one');
    RETURN NEW;
  END IF;
  INSERT INTO recurrences AS r (project_id, task_id) VALUES (NEW.project_id, NEW.task_id)
  ON CONFLICT (project_id, task_id) DO UPDATE SET starts_on = NULL, next_at = CASE
    WHEN NEW.deleted_at IS NULL AND NEW.archived_at IS NULL AND NEW.recurrence_paused_at IS NULL THEN docket_now() END;
  RETURN NULL;
END $$;
ALTER TABLE recurrences DROP COLUMN owed;
