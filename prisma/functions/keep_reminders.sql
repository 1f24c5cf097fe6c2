-- Keeps the reminders of a task right wherever it is changed: what its columns say of the next one, and its schedule, which
-- a row that is not there yet gets once it is. Plain SQL may set `reminder_offset` alone, as its one reminder.
CREATE OR REPLACE FUNCTION keep_reminders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF TG_WHEN = 'AFTER' THEN
      PERFORM schedule_reminders(NEW);
      RETURN NULL;
    END IF;
    IF NEW.reminder_offsets = '{}' THEN
      NEW.reminder_offsets := array_remove(ARRAY[NEW.reminder_offset], NULL);
    END IF;
    NEW.reminder_status := CASE WHEN NEW.is_template THEN NULL
      WHEN is_open(NEW.status, NEW.deleted_at, false) AND NEW.archived_at IS NULL THEN 'pending' ELSE 'cancelled' END;
    NEW.reminder_offset := NULL;
  ELSE
    IF NEW.reminder_offsets = OLD.reminder_offsets AND NEW.reminder_offset IS DISTINCT FROM OLD.reminder_offset THEN
      NEW.reminder_offsets := array_remove(ARRAY[NEW.reminder_offset], NULL);
    END IF;
    -- What has no due date is refused by chk_reminder_requires_due_date.
    IF NEW.due_date IS NOT NULL OR NEW.reminder_offsets = '{}' THEN
      PERFORM schedule_reminders(NEW);
    END IF;
    NEW.reminder_offset := NULL;
    NEW.reminder_status := NULL;
    SELECT n.reminder_offset, n.status INTO NEW.reminder_offset, NEW.reminder_status
    FROM next_reminder(NEW.project_id, NEW.task_id, NEW.reminder_offsets) n WHERE NOT NEW.is_template;
  END IF;
  NEW.reminder_offset := coalesce(NEW.reminder_offset,
    (SELECT o.given FROM unnest(NEW.reminder_offsets) o (given) ORDER BY reminder_seconds(o.given) DESC LIMIT 1));
  RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER tasks_keep_reminders_of_new BEFORE INSERT ON tasks FOR EACH ROW
  WHEN (NEW.reminder_offsets <> '{}' OR NEW.reminder_offset IS NOT NULL) EXECUTE FUNCTION keep_reminders();

CREATE OR REPLACE TRIGGER tasks_schedule_reminders AFTER INSERT ON tasks FOR EACH ROW
  WHEN (NEW.reminder_offsets <> '{}') EXECUTE FUNCTION keep_reminders();

-- A claim and its end change nothing of it; nor does a reminder that is triggered, which says itself what is due next.
CREATE OR REPLACE TRIGGER tasks_keep_reminders
  BEFORE UPDATE OF due_date, status, deleted_at, archived_at, is_template, reminder_offsets, reminder_offset ON tasks
  FOR EACH ROW WHEN ((OLD.reminder_offsets <> '{}' OR NEW.reminder_offsets <> '{}' OR NEW.reminder_offset IS NOT NULL)
    AND (OLD.due_date IS DISTINCT FROM NEW.due_date OR (OLD.status = 'completed') <> (NEW.status = 'completed')
      OR (OLD.deleted_at IS NULL) <> (NEW.deleted_at IS NULL) OR (OLD.archived_at IS NULL) <> (NEW.archived_at IS NULL)
      OR OLD.is_template <> NEW.is_template OR OLD.reminder_offsets <> NEW.reminder_offsets
      OR (OLD.reminder_offset IS DISTINCT FROM NEW.reminder_offset
        AND coalesce(NEW.reminder_offset <> ALL (NEW.reminder_offsets), true))))
  EXECUTE FUNCTION keep_reminders();
