-- What recurs is a template, and has a row in `recurrences`, wherever it is made. What decides when it recurs may be changed
-- by any statement: the row is then to be settled anew, from now on, by whoever looks at it first; where only its end or its
-- reminders change, from where it stands. One that is paused or put away is not looked at. What may have been due until then
-- and was not made, as nobody looked, is `owed`: how it recurred, from which date on, and until when.
CREATE OR REPLACE FUNCTION keep_recurrence() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  goes_on boolean;
BEGIN
  IF TG_WHEN = 'BEFORE' THEN
    NEW.is_template := true;
    NEW.recurrence_time_zone := coalesce(NEW.recurrence_time_zone, 'UTC');
    NEW.catch_up := coalesce(NEW.catch_up, 'one');
    IF (TG_OP = 'INSERT' OR OLD.recurrence_pattern IS DISTINCT FROM NEW.recurrence_pattern)
      AND NOT is_recurrence_pattern(NEW.recurrence_pattern) THEN
      RAISE EXCEPTION '"%" is no recurrence pattern; like daily, weekly:MON,WED, monthly:15, yearly, custom:3d or FREQ=WEEKLY;BYDAY=MO',
        NEW.recurrence_pattern USING ERRCODE = 'check_violation', CONSTRAINT = 'chk_recurrence_pattern';
    ELSIF (TG_OP = 'INSERT' OR OLD.recurrence_time_zone IS DISTINCT FROM NEW.recurrence_time_zone)
      AND NEW.recurrence_time_zone !~ '^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$' THEN
      RAISE EXCEPTION '"%" is no time zone; like Europe/Berlin or UTC', NEW.recurrence_time_zone
        USING ERRCODE = 'check_violation', CONSTRAINT = 'chk_recurrence_time_zone';
    END IF;
    RETURN NEW;
  END IF;
  IF TG_OP = 'INSERT' THEN
    INSERT INTO recurrences (project_id, task_id) VALUES (NEW.project_id, NEW.task_id) ON CONFLICT DO NOTHING;
    RETURN NULL;
  END IF;
  goes_on := (OLD.recurrence_pattern, OLD.recurrence_time_zone, OLD.due_date, OLD.recurrence_paused_at IS NULL,
      OLD.deleted_at IS NULL, OLD.archived_at IS NULL) IS NOT DISTINCT FROM
    (NEW.recurrence_pattern, NEW.recurrence_time_zone, NEW.due_date, NEW.recurrence_paused_at IS NULL,
      NEW.deleted_at IS NULL, NEW.archived_at IS NULL);
  INSERT INTO recurrences AS r (project_id, task_id) VALUES (NEW.project_id, NEW.task_id)
  ON CONFLICT (project_id, task_id) DO UPDATE SET starts_on = NULL,
    next_on = CASE WHEN goes_on THEN r.next_on END,
    owed = CASE WHEN goes_on OR OLD.recurrence_pattern IS NULL OR OLD.recurrence_paused_at IS NOT NULL
        OR OLD.deleted_at IS NOT NULL OR OLD.archived_at IS NOT NULL
        -- A zone may be a day ahead.
        OR coalesce(r.next_on > (docket_now() + interval '1 day')::date, r.starts_on IS NOT NULL OR r.next_at IS NULL)
      THEN r.owed
      ELSE r.owed || jsonb_build_object('pattern', OLD.recurrence_pattern, 'zone', OLD.recurrence_time_zone,
        'dueDate', OLD.due_date, 'endsOn', OLD.recurrence_end_date, 'startsOn', r.starts_on, 'until', r.until,
        'dueTime', extract(epoch FROM r.due_time)::float8 * 1000, 'nextOn', r.next_on, 'changedAt', r.next_at,
        'to', docket_now()) END,
    next_at = CASE WHEN NEW.deleted_at IS NULL AND NEW.archived_at IS NULL AND NEW.recurrence_paused_at IS NULL THEN docket_now() END;
  RETURN NULL;
END $$;

-- Before those triggers whose names come later, which ask whether it is a template.
CREATE OR REPLACE TRIGGER recurring_tasks_are_templates
  BEFORE INSERT OR UPDATE OF recurrence_pattern, recurrence_time_zone, catch_up ON tasks FOR EACH ROW
  WHEN (NEW.recurrence_pattern IS NOT NULL) EXECUTE FUNCTION keep_recurrence();

CREATE OR REPLACE TRIGGER recurring_tasks_begin AFTER INSERT ON tasks FOR EACH ROW
  WHEN (NEW.recurrence_pattern IS NOT NULL) EXECUTE FUNCTION keep_recurrence();

CREATE OR REPLACE TRIGGER recurring_tasks_go_on AFTER UPDATE OF recurrence_pattern, recurrence_time_zone,
    recurrence_end_date, recurrence_paused_at, due_date, reminder_offsets, deleted_at, archived_at ON tasks FOR EACH ROW
  WHEN (NEW.recurrence_pattern IS NOT NULL AND
    (OLD.recurrence_pattern, OLD.recurrence_time_zone, OLD.recurrence_end_date, OLD.due_date, OLD.reminder_offsets,
      OLD.recurrence_paused_at IS NULL, OLD.deleted_at IS NULL, OLD.archived_at IS NULL) IS DISTINCT FROM
    (NEW.recurrence_pattern, NEW.recurrence_time_zone, NEW.recurrence_end_date, NEW.due_date, NEW.reminder_offsets,
      NEW.recurrence_paused_at IS NULL, NEW.deleted_at IS NULL, NEW.archived_at IS NULL))
  EXECUTE FUNCTION keep_recurrence();
