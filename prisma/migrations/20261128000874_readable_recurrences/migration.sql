-- Whether a text has the shape of a recurrence pattern. What it then means, and whether its parts go together, the server reads.
CREATE OR REPLACE FUNCTION is_recurrence_pattern(pattern text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT pattern ~* '^(daily:?|yearly:?|weekly:?|monthly:?|weekly:(mon|tue|wed|thu|fri|sat|sun)(,(mon|tue|wed|thu|fri|sat|sun))*|monthly:([1-9]|[12][0-9]|3[01])(,([1-9]|[12][0-9]|3[01]))*|custom:([1-9][0-9]{0,2}|1000)d)$'
    OR (pattern ~* '^(RRULE:)?[A-Z]+=[A-Z0-9,+-]+(;[A-Z]+=[A-Z0-9,+-]+)*$' AND pattern ~* '(^|[:;])FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)(;|$)')
$$;

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
